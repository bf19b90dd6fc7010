import type { Enveloped } from '../../../../src/log/header.js';
import type { ReplicaId, Slot } from '../../../../src/log/ids.js';
import type { Ballot } from '../../../../src/log/ballot.js';
import type { PaxosPeer } from '../../../../src/paxos/peer.js';
import type { PaxosEngine } from '../../../../src/server/paxos-engine.js';
import type { Replica } from '../../../../src/server/replica.js';
import { StorageDamage } from '../../../../src/storage/errors.js';
import type { FakeWorld } from '../../../support/fake-world.js';
import { Contradiction } from './acceptor-memory.js';
import type { Image } from './image-disk.js';
import type { SoundDirectory } from './sound-directory.js';
import {
  appliedAt,
  areLevel,
  driven,
  everybody,
  giveDisk,
  live,
  newWorld,
  put,
  until,
  victim,
} from './worlds.js';

/** How a replica on a damaged directory fares among two live peers. */
export type LiveOutcome =
  /** It has all the others have, serves, and never contradicted what it once said. */
  | 'repaired'
  /** It stopped itself for damage before it voted. */
  | 'refused';

const text = (value: Uint8Array): string => Buffer.from(value).toString('base64');

/** The victim and its peers, come up at one moment from what their disks hold. */
class LiveRun {
  readonly #decided = new Map<Slot, string>();
  readonly #contradictions: Contradiction[] = [];

  constructor(
    readonly world: FakeWorld,
    readonly sound: SoundDirectory,
  ) {
    for (const [slot, value] of sound.chosen) this.#decided.set(slot, text(value));
  }

  async run(image: Image): Promise<LiveOutcome> {
    const { world, sound } = this;
    for (const id of everybody) world.crash(id);
    // Whoever the victim asks before its first vote is up.
    for (const [id, peerImage] of sound.peerImages) {
      await giveDisk(world, id, peerImage);
      await world.restart(id);
      this.#watchPeer(world.replicas.get(id)!.engine.peer);
    }
    await giveDisk(world, victim, image);
    await world.restart(victim);
    this.#watchVictim(this.#victim.engine.peer);
    const outcome = await this.#comeUp();
    if (outcome === 'refused') return outcome;
    await this.#goOn('go on');
    world.crash(victim);
    await world.restart(victim);
    this.#watchVictim(this.#victim.engine.peer);
    await this.#goOn('go on after a restart');
    return outcome;
  }

  get #victim(): Replica<PaxosEngine> {
    return this.world.replicas.get(victim)!;
  }

  async #comeUp(): Promise<LiveOutcome> {
    const { world } = this;
    await until(world, () => world.failures.length > 0 || this.#victim.serving);
    if (world.failures.length === 0) await this.#probe();
    await until(world, () => world.failures.length > 0 || this.#isLevel());
    this.#throwContradiction();
    const [failure] = world.failures;
    if (failure === undefined) return 'repaired';
    if (failure.replica === victim && failure.error instanceof StorageDamage) return 'refused';
    throw new Error(`replica ${failure.replica} stopped`, { cause: failure.error });
  }

  #isLevel(): boolean {
    const { world, sound } = this;
    const hasAll = appliedAt(world, victim) >= Math.max(...sound.chosen.keys());
    return hasAll && areLevel(world, everybody) && this.#victim.engine.peer.silence === undefined;
  }

  /** A write, then a read of everything at the victim, and the states of all three. */
  async #goOn(value: string): Promise<void> {
    const { world, sound } = this;
    await put(world, live[0]!, 'since', value);
    await until(world, () => world.failures.length > 0 || this.#isLevel());
    if (world.failures[0] !== undefined)
      throw new Error('a replica stopped', { cause: world.failures[0].error });
    for (const [key, expected] of [...sound.entries, ['since', value] as const]) {
      const result = await this.#victim.execute(
        { kind: 'operation', operation: { kind: 'get', key }, session: undefined },
        new AbortController().signal,
      );
      const found = result.kind === 'get' ? result.value : result.kind;
      if (found !== expected) throw new Contradiction(`${key} reads "${found}" instead of "${expected}"`);
    }
    await until(world, () => this.#isLevel());
    await this.#compareStates();
    this.#throwContradiction();
  }

  /** The pieces of a snapshot tell store, sessions, counters and digest. */
  async #compareStates(): Promise<void> {
    const states = new Set<string>();
    for (const { snapshotSource } of this.world.replicas.values()) {
      let state = '';
      for await (const { through, chunk } of snapshotSource.pieces())
        state += `${through} ${text(chunk.content)} `;
      states.add(state);
    }
    if (states.size !== 1) throw new Contradiction('the replicas have different states');
  }

  /**
   * Asks the victim for promises before anything is decided anew: under the lowest ballot there is, which it must not
   * give where it has promised, and under one above all, with which it must tell how it has voted.
   */
  async #probe(): Promise<void> {
    const [proposer] = live as [ReplicaId];
    const { roster } = this.world.replicas.get(proposer)!;
    const high = this.sound.memory.highestRound + 1000;
    const ask = (slot: Slot, ballot: Ballot) =>
      this.#victim.engine.peer.handlePrepare(roster.envelope(victim, { slot, ballot }));
    for (const { slot } of this.sound.memory.slotsFrom(0)) {
      // The lowest ballot of all is the victim's own first one, and no other proposer's.
      await ask(slot, { round: 1, replica: victim });
      await ask(slot, { round: high, replica: proposer });
    }
    await this.#victim.engine.peer.handleReach(roster.envelope(victim, undefined));
  }

  #watchVictim(paxos: PaxosPeer): void {
    const { memory } = this.sound;
    this.#watchDecisions(paxos);
    const prepare = paxos.handlePrepare.bind(paxos);
    paxos.handlePrepare = this.#checked(prepare, (request, reply) => {
      memory.checkPrepareReply(request, reply);
      if (reply.kind === 'decided') this.#decidedIs(request.slot, reply.value);
    });
    const accept = paxos.handleAccept.bind(paxos);
    paxos.handleAccept = this.#checked(accept, (request, reply) => {
      memory.checkAcceptReply(request, reply);
      if (reply.kind === 'decided') this.#decidedIs(request.slot, reply.value);
    });
    const learn = paxos.handleLearn.bind(paxos);
    paxos.handleLearn = this.#checked(learn, (_request, { decided }) => {
      for (const { slot, value } of decided) this.#decidedIs(slot, value);
    });
    const reach = paxos.handleReach.bind(paxos);
    paxos.handleReach = this.#checked(reach, (_request, reply) => {
      if ((reply.reach ?? -1) < memory.lastVote) {
        throw new Contradiction(`it reaches slot ${reply.reach} and has voted for slot ${memory.lastVote}`);
      }
    });
  }

  #watchPeer(paxos: PaxosPeer): void {
    this.#watchDecisions(paxos);
    const prepare = paxos.handlePrepare.bind(paxos);
    paxos.handlePrepare = (request) => {
      const { header, body } = request;
      if (header.from === victim && body.ballot.round <= this.sound.memory.highestRound) {
        this.#contradictions.push(
          new Contradiction(`slot ${body.slot}: round ${body.ballot.round} is used again`),
        );
      }
      return prepare(request);
    };
  }

  #watchDecisions(paxos: PaxosPeer): void {
    paxos.onDecided((slot, value) => this.#noting(() => this.#decidedIs(slot, value)));
  }

  #checked<Request, Reply>(
    handle: (request: Enveloped<Request>) => Promise<Enveloped<Reply>>,
    check: (request: Request, reply: Reply) => void,
  ) {
    return async (request: Enveloped<Request>): Promise<Enveloped<Reply>> => {
      const reply = await handle(request);
      this.#noting(() => check(request.body, reply.body));
      return reply;
    };
  }

  #noting(check: () => void): void {
    try {
      check();
    } catch (error) {
      if (!(error instanceof Contradiction)) throw error;
      this.#contradictions.push(error);
    }
  }

  /** A slot has one value, whoever tells it and when. */
  #decidedIs(slot: Slot, value: Uint8Array): void {
    const known = this.#decided.get(slot);
    if (known === undefined) this.#decided.set(slot, text(value));
    else if (known !== text(value)) throw new Contradiction(`slot ${slot} is decided with two values`);
  }

  #throwContradiction(): void {
    const [first] = this.#contradictions;
    if (first !== undefined) throw first;
  }
}

export interface LiveReport {
  readonly outcome: LiveOutcome;
  /** Messages that arrived. */
  readonly messages: number;
}

/** @throws Contradiction if it does what it must not; Error if it neither stops nor catches up */
export async function runAmongPeers(sound: SoundDirectory, image: Image): Promise<LiveReport> {
  const world = await newWorld(sound.seed);
  const run = new LiveRun(world, sound);
  try {
    const outcome = await driven(world, run.run(image));
    return { outcome, messages: world.messages.delivered };
  } finally {
    for (const id of everybody) if (world.isUp(id)) world.crash(id);
  }
}
