import type { Incarnation, ReplicaId } from '../log/ids.js';
import { majorityOf } from '../log/ids.js';
import type { Roster } from '../log/roster.js';
import type { VotingGate } from '../log/voting-gate.js';
import { StorageDamage } from '../storage/errors.js';
import type { HelloPin } from './hello.js';

/** The cluster knows this replica's id by another incarnation: its directory, or its memory, was lost (rule R11). */
export class UnknownIncarnation extends Error {
  constructor(me: ReplicaId, own: Incarnation, objector: ReplicaId, known: string) {
    super(
      `replica ${objector} knows replica ${me} as ${known}, and this one is ${own}: what that one had promised is lost, so ` +
        `this one must never vote under its id. The way back is a new cluster: save what the others hold with ` +
        '`synod snapshot save` and start it with `synod snapshot restore`',
    );
    this.name = 'UnknownIncarnation';
  }
}

export interface AdmissionOptions {
  readonly roster: Roster;
  readonly gate: VotingGate;
  /** Whether a majority of the others has this incarnation on record from an earlier start. */
  readonly shown: boolean;
  /** Where the own log ended when it was recovered; 0 if it is new or there is none. */
  readonly recoveredLsn: number;
  /** Puts on record that this incarnation has been shown; the gate opens once that is durable. */
  readonly recordShown: () => Promise<void>;
  /** This replica must stop: it would vote without the memory of its votes. */
  readonly failed: (error: unknown) => void;
}

/**
 * Decides when this replica may vote (rules R6, R11). Before its first vote after a start it greets every peer once and
 * waits for no dead one: a peer that has seen its log reach further than it does now tells that acknowledged state was
 * lost. A new incarnation must besides be on record at a majority of the *other* members, and one objection refuses.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  readonly #answered = new Set<ReplicaId>();
  readonly #confirmed = new Set<ReplicaId>();
  #judged = false;
  #failed = false;

  constructor(options: AdmissionOptions) {
    this.#options = options;
  }

  /** For a replica without peers, nothing is to be waited for. */
  start(): void {
    this.#judge();
  }

  /** What the gate waits for, in words; empty once it is open. */
  get waitsFor(): string {
    const { roster, gate } = this.#options;
    if (gate.isOpen) return '';
    const silent = roster.peers.filter((peer) => !this.#confirmed.has(peer));
    return (
      `does not vote yet: ${this.#confirmed.size} of the ${this.#needed} other replicas it needs have it on record; ` +
      `waits for replica ${silent.join(', ')}`
    );
  }

  /** A greeting to a peer has been answered, or has failed. */
  greeted(peer: ReplicaId): void {
    if (this.#answered.has(peer)) return;
    this.#answered.add(peer);
    this.#judge();
  }

  /** A peer that has heard this start answers whom it has on record. Looked at also when the gate is open already. */
  heard(peer: ReplicaId, pins: readonly HelloPin[]): void {
    const { roster, recoveredLsn } = this.#options;
    const own = pins.find(({ replica }) => replica === roster.me);
    if (own === undefined) return;
    if (own.incarnation !== roster.incarnation) {
      this.#fail(new UnknownIncarnation(roster.me, roster.incarnation, peer, own.incarnation));
    } else if (own.bootCounter > roster.bootCounter) {
      this.#fail(lostStarts(peer, own.bootCounter, roster.bootCounter));
    } else if (own.bootCounter === roster.bootCounter && own.durableLsn > roster.durableLsn) {
      this.#fail(lostLog(peer, own.durableLsn, roster.durableLsn));
    } else if (own.earlierDurableLsn > recoveredLsn) {
      this.#fail(lostLog(peer, own.earlierDurableLsn, recoveredLsn));
    } else if (!this.#confirmed.has(peer)) {
      this.#confirmed.add(peer);
      this.#judge();
    }
  }

  /** A peer has refused this incarnation. */
  refused(peer: ReplicaId, message: string): void {
    const { roster } = this.#options;
    this.#fail(new UnknownIncarnation(roster.me, roster.incarnation, peer, `another one (${message})`));
  }

  get #needed(): number {
    const others = this.#options.roster.peers.length;
    return this.#options.shown || others === 0 ? 0 : majorityOf(others);
  }

  #judge(): void {
    const { roster, gate, recordShown } = this.#options;
    if (this.#judged || this.#failed) return;
    if (this.#answered.size < roster.peers.length || this.#confirmed.size < this.#needed) return;
    this.#judged = true;
    recordShown().then(
      () => {
        // An objection may have come while the record was written.
        if (!this.#failed) gate.open();
      },
      (error: unknown) => this.#options.failed(error),
    );
  }

  #fail(error: Error): void {
    this.#failed = true;
    this.#options.failed(error);
  }
}

const lostText =
  'acknowledged state was lost (a lost write, a shortened log, or a directory put back from an old copy)';

const lostLog = (peer: ReplicaId, seenLsn: number, lsn: number): StorageDamage =>
  new StorageDamage(
    'log',
    `it ends at frame ${lsn}, and replica ${peer} has seen it reach frame ${seenLsn}: ${lostText}`,
  );

const lostStarts = (peer: ReplicaId, seen: number, starts: number): StorageDamage =>
  new StorageDamage(
    'log',
    `it counts ${starts} starts, and replica ${peer} has seen start ${seen} of this directory: ${lostText}`,
  );
