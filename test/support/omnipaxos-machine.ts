import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import type { Ballot } from '../../src/log/ballot.js';
import { emptyLog, type LogState } from '../../src/omnipaxos/accepted-log.js';
import type {
  AcceptDecide,
  AcceptSync,
  Heartbeat,
  Message,
  OmnipaxosRecord,
  Outgoing,
  Prepare,
  Promised,
} from '../../src/omnipaxos/messages.js';
import { OmnipaxosReplica } from '../../src/omnipaxos/replica.js';
import type { Happening, OmnipaxosStep } from '../../src/omnipaxos/step.js';
import { textOf, valueOf } from './paxos-values.js';

type Kind = Message['kind'];
type OfKind<Which extends Kind> = Extract<Message, { readonly kind: Which }>;

export interface OmnipaxosMachineOptions {
  readonly me?: number;
  readonly members?: readonly number[];
  readonly log?: Partial<LogState>;
}

const silent: Omit<Heartbeat, 'kind' | 'round'> = { ballot: undefined, candidate: false, led: false };

/**
 * One replica of OmniPaxos without clock, network or disk. What it sends is kept until the test takes it, and its records
 * are on disk at once unless the test holds them.
 */
export class OmnipaxosMachine {
  readonly me: ReplicaId;
  readonly peers: readonly ReplicaId[];
  readonly replica: OmnipaxosReplica;
  hasSpace = true;
  mayVote = true;
  /** Whether syncs wait for `sync`. */
  holdsSyncs = false;
  readonly records: OmnipaxosRecord[] = [];
  readonly lazily: OmnipaxosRecord[] = [];
  readonly happenings: Happening[] = [];
  #sent: { readonly to: ReplicaId; readonly message: Message }[] = [];
  #waiting: Outgoing[] = [];
  #round = 0;

  constructor({ me = 1, members = [1, 2, 3], log = {} }: OmnipaxosMachineOptions = {}) {
    this.me = replicaId(me);
    this.peers = members.filter((id) => id !== me).map(replicaId);
    this.replica = new OmnipaxosReplica({
      me: this.me,
      members: members.map(replicaId),
      log: { ...emptyLog, ...log },
      mayVote: () => this.mayVote,
      hasSpace: () => this.hasSpace,
    });
    this.perform(this.replica.start());
  }

  perform(step: OmnipaxosStep): void {
    this.records.push(...step.records);
    this.lazily.push(...step.lazily);
    this.happenings.push(...step.happenings);
    for (const outgoing of step.atOnce) this.#out(outgoing);
    this.#waiting.push(...step.afterSync);
    if (!this.holdsSyncs) this.sync();
  }

  sync(): void {
    for (const outgoing of this.#waiting.splice(0)) this.#out(outgoing);
  }

  connect(...peers: number[]): this {
    for (const peer of peers) this.perform(this.replica.connected(replicaId(peer)));
    return this;
  }

  disconnect(...peers: number[]): void {
    for (const peer of peers) this.perform(this.replica.disconnected(replicaId(peer)));
  }

  receive(from: number, message: Message): void {
    this.perform(this.replica.receive(replicaId(from), message));
  }

  propose(...texts: string[]): void {
    this.perform(this.replica.propose(texts.map(valueOf)));
  }

  tick(): void {
    this.perform(this.replica.tick());
  }

  /** Lets these peers answer the heartbeats of the present round, each as said, and ends it. */
  round(heartbeats: Readonly<Record<number, Partial<Omit<Heartbeat, 'kind' | 'round'>>>>): void {
    for (const [peer, heartbeat] of Object.entries(heartbeats)) {
      this.receive(Number(peer), { kind: 'heartbeat', round: this.#round, ...silent, ...heartbeat });
    }
    this.tick();
  }

  /** What was sent since this was asked last: to one peer, or to all; of one kind, or of all. */
  sent(to?: number): Message[];
  sent<Which extends Kind>(to: number | undefined, kind: Which): OfKind<Which>[];
  sent(to?: number, kind?: Kind): Message[] {
    const isAsked = (each: { readonly to: ReplicaId; readonly message: Message }) =>
      (to === undefined || each.to === to) && (kind === undefined || each.message.kind === kind);
    const asked = this.#sent.filter(isAsked);
    this.#sent = this.#sent.filter((each) => !isAsked(each));
    return asked.map(({ message }) => message);
  }

  /** Forgets what was sent. */
  discard(): this {
    this.#sent = [];
    return this;
  }

  /** Makes it lead with promises from all peers that say what is given. Answers the ballot. */
  elect(promise: Partial<Promised> = {}, ...from: number[]): Ballot {
    const peers = from.length > 0 ? from : [...this.peers];
    this.connect(...peers);
    this.round(Object.fromEntries(peers.map((peer) => [peer, {}])));
    for (const peer of peers) {
      const [prepare] = this.sent(peer, 'prepare').slice(-1);
      if (prepare === undefined) throw new Error(`replica ${this.me} sent no Prepare to ${peer}`);
      this.receive(peer, promiseTo(prepare, promise));
    }
    const { phase } = this.replica;
    if (phase.kind !== 'leading') throw new Error(`replica ${this.me} is ${phase.kind}`);
    return phase.ballot;
  }

  /** Makes it follow replica 1 under a ballot, with these values in its log, all decided through `decidedEnd`. */
  follow(ballot: Ballot, texts: readonly string[], decidedEnd = 0): this {
    this.connect(ballot.replica);
    this.receive(ballot.replica, prepareOf(ballot, 1));
    this.receive(ballot.replica, acceptSyncOf(ballot, 1, 0, texts, { decidedEnd }));
    return this;
  }

  /** The log as texts. */
  get texts(): string[] {
    const { floor, acceptedEnd, entries } = this.replica.log;
    return Array.from({ length: acceptedEnd - floor }, (_, index) => textOf(entries.at(floor + index)!));
  }

  #out(outgoing: Outgoing): void {
    if (outgoing.kind !== 'send') {
      this.perform(this.replica.synced(outgoing));
      return;
    }
    const { message } = outgoing;
    if (message.kind === 'heartbeat-request') this.#round = message.round;
    this.#sent.push(outgoing);
  }
}

export const prepareOf = (ballot: Ballot, sync: number, changes: Partial<Prepare> = {}): Prepare => ({
  kind: 'prepare',
  ballot,
  sync,
  accepted: undefined,
  acceptedEnd: 0,
  decidedEnd: 0,
  ...changes,
});

/** The promise of a replica whose log is as the leader's, but for what `changes` says. */
export const promiseTo = (
  { ballot, sync, accepted, acceptedEnd, decidedEnd }: Prepare,
  changes: Partial<Promised> = {},
): Promised => ({
  kind: 'promise',
  ballot,
  sync,
  accepted,
  acceptedEnd,
  decidedEnd,
  floor: 0,
  counted: true,
  page: 0,
  first: acceptedEnd,
  values: [],
  last: true,
  ...changes,
});

export const acceptSyncOf = (
  ballot: Ballot,
  sync: number,
  first: number,
  texts: readonly string[],
  changes: Partial<AcceptSync> = {},
): AcceptSync => ({
  kind: 'accept-sync',
  ballot,
  sync,
  page: 0,
  first,
  values: texts.map(valueOf),
  last: true,
  decidedEnd: 0,
  ...changes,
});

export const acceptDecideOf = (
  ballot: Ballot,
  sync: number,
  counter: number,
  first: number,
  texts: readonly string[],
  decidedEnd = 0,
): AcceptDecide => ({
  kind: 'accept-decide',
  ballot,
  sync,
  counter,
  first,
  values: texts.map(valueOf),
  decidedEnd,
});
