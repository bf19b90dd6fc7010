import { compareBallots, type Ballot } from '../log/ballot.js';
import type { Slot } from '../log/ids.js';
import { Entries } from './entries.js';
import { checkAccepted, checkDecided, checkFloor, checkPromise, checkReplacement } from './invariants.js';
import type { OmnipaxosRecord } from './messages.js';

/** What a replica goes on from. */
export interface LogState {
  readonly promised: Ballot | undefined;
  /** The ballot under which the log was last accepted. */
  readonly accepted: Ballot | undefined;
  /** The lowest slot held. */
  readonly floor: Slot;
  /** From the floor on. */
  readonly values: readonly Uint8Array[];
  readonly decidedEnd: Slot;
  /**
   * False if damage may have taken entries: such a log counts for nothing in a leader's choice until a leader has
   * brought it in step (rule R6).
   */
  readonly counted: boolean;
}

export const emptyLog: LogState = {
  promised: undefined,
  accepted: undefined,
  floor: 0,
  values: [],
  decidedEnd: 0,
  counted: true,
};

/**
 * What a replica of Sequence Paxos must remember: its promise, its log, and how much of it is decided. Every change
 * answers the records that make it durable; what must never happen is checked here.
 */
export class AcceptedLog {
  readonly entries: Entries;
  #promised: Ballot | undefined;
  #accepted: Ballot | undefined;
  #decidedEnd: Slot;
  #counted: boolean;

  constructor(state: LogState) {
    this.entries = new Entries(state.floor, state.values);
    this.#promised = state.promised;
    this.#accepted = state.accepted;
    this.#decidedEnd = state.decidedEnd;
    this.#counted = state.counted;
  }

  get promised(): Ballot | undefined {
    return this.#promised;
  }

  get accepted(): Ballot | undefined {
    return this.#accepted;
  }

  /** The first slot not held. */
  get acceptedEnd(): Slot {
    return this.entries.end;
  }

  get decidedEnd(): Slot {
    return this.#decidedEnd;
  }

  get floor(): Slot {
    return this.entries.floor;
  }

  get counted(): boolean {
    return this.#counted;
  }

  promise(ballot: Ballot): OmnipaxosRecord[] {
    checkPromise(this.#promised, ballot);
    this.#promised = ballot;
    return [{ kind: 'promise', ballot }];
  }

  /**
   * Takes a leader's log: everything from `from` on is replaced by `values`, all of it is accepted under `ballot` now.
   * The records belong together: half of them must not be found on disk.
   */
  replace(ballot: Ballot, from: Slot, values: readonly Uint8Array[]): OmnipaxosRecord[] {
    checkAccepted(this.#promised, this.#accepted, ballot);
    // What is decided is the same in both logs; and logs accepted under one ballot are prefixes of one log.
    const isSameLog = this.#counted && compareBallots(ballot, this.#accepted) === 0;
    const kept = Math.max(from, isSameLog ? this.acceptedEnd : this.#decidedEnd);
    checkReplacement(this.#decidedEnd, this.acceptedEnd, kept);
    this.entries.truncate(kept);
    this.#accepted = ballot;
    this.#counted = true;
    return [{ kind: 'truncate', from: kept, ballot }, ...this.#append(ballot, values.slice(kept - from))];
  }

  /** Adds to the end. */
  append(ballot: Ballot, values: readonly Uint8Array[]): OmnipaxosRecord[] {
    checkAccepted(this.#promised, this.#accepted, ballot);
    return this.#append(ballot, values);
  }

  #append(ballot: Ballot, values: readonly Uint8Array[]): OmnipaxosRecord[] {
    const first = this.acceptedEnd;
    this.entries.append(values);
    return values.map((value, index) => ({ kind: 'entry', slot: first + index, ballot, value }));
  }

  /** Everything below `end` that is held is decided. */
  decide(end: Slot): OmnipaxosRecord[] {
    const decidedEnd = Math.min(end, this.acceptedEnd);
    if (decidedEnd <= this.#decidedEnd) return [];
    checkDecided(this.#decidedEnd, decidedEnd, this.acceptedEnd);
    this.#decidedEnd = decidedEnd;
    return [{ kind: 'decided', decidedEnd }];
  }

  /** Lets go of what lies below `floor`; the record that says so is on disk (rule R3). */
  forgetBelow(floor: Slot): void {
    if (floor <= this.floor) return;
    checkFloor(this.floor, floor, this.#decidedEnd);
    this.entries.forgetBelow(floor);
  }

  /** A snapshot through `through` stands for everything up to there, and the floor above it is on disk (rule R12). */
  installed(through: Slot): void {
    const floor = through + 1;
    this.#decidedEnd = Math.max(this.#decidedEnd, floor);
    if (floor > this.floor) this.entries.forgetBelow(floor);
  }
}
