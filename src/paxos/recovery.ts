import type { Slot } from '../log/ids.js';
import type { HardState } from '../storage/hard-state.js';
import type { LogRecord } from '../storage/log-record.js';
import { untouched, type AcceptorState } from './acceptor.js';
import { compareBallots, type Ballot } from '../log/ballot.js';
import type { PaxosRecord, SlotRange, Vote } from './messages.js';
import { paxosRecordFromLog } from './records.js';

/** What a peer goes on from after a restart. */
export interface RecoveredPaxos {
  /** The durable floor: from the hard state, never from Done (rule R10). */
  readonly floor: Slot;
  /**
   * The own snapshot covers slots that the log does not know decided: before the peer speaks, its floor must rise to
   * this. `PaxosLog.replay` does it.
   */
  readonly floorToRecord: Slot | undefined;
  /** No ballot at or below this round is begun again (rule R4). */
  readonly highestRound: number;
  /** What the acceptor remembers of slots at or above the floor. */
  readonly instances: ReadonlyMap<Slot, AcceptorState>;
  /** Decided values below the floor that no snapshot covers: the state machine alone still needs them. */
  readonly unapplied: ReadonlyMap<Slot, Uint8Array>;
  /** The peer does not vote up to `last` until it knows all of these decided: damage may have taken votes (rule R6). */
  readonly silent: SlotRange | undefined;
  /** State through this slot cannot be rebuilt from this disk and must be pulled from a peer; undefined if it can. */
  readonly missingThrough: Slot | undefined;
}

/** The slots that a damaged part of the log may have touched. */
export interface DamagedSlots {
  readonly firstSlot: Slot;
  readonly lastSlot: Slot;
}

/**
 * Works out what an acceptor must remember from all that its log still says, in order.
 * @param coveredThrough the last slot that a durable snapshot of one's own covers
 * @throws Error if the log is of another engine
 */
export function recoverPaxos(
  records: readonly LogRecord[],
  hardState: HardState,
  damage: DamagedSlots | undefined,
  coveredThrough: Slot | undefined,
): RecoveredPaxos {
  if (hardState.rangePromise !== undefined) {
    throw new Error('the log has a range promise, which this version of the paxos engine does not make');
  }
  const replay = new Replay();
  for (const record of records) {
    const own = paxosRecordFromLog(record);
    if (own !== undefined) replay.take(own);
  }
  const floor = Math.max(hardState.floor, replay.floor);
  const covered = coveredThrough ?? -1;
  const isKnown = (slot: Slot) => slot < floor || slot <= covered || replay.isDecided(slot);
  return {
    floor,
    floorToRecord: replay.isDecidedBetween(floor, covered) ? undefined : covered + 1,
    highestRound: Math.max(hardState.highestRound, replay.highestRound),
    instances: replay.instancesFrom(floor),
    unapplied: replay.decidedBetween(covered + 1, floor - 1),
    silent: silence(damage, replay.withoutVote, isKnown),
    missingThrough: replay.isDecidedBetween(covered + 1, floor - 1) ? undefined : floor - 1,
  };
}

/**
 * Damage bounds it; a slot whose decision names a vote that is not there has lost one as well. Slots that are known to
 * be decided need no vote any more.
 */
function silence(
  damage: DamagedSlots | undefined,
  withoutVote: readonly Slot[],
  isKnown: (slot: Slot) => boolean,
): SlotRange | undefined {
  let [first, last] = damage === undefined ? [Infinity, -1] : [damage.firstSlot, damage.lastSlot];
  while (first <= last && isKnown(first)) first += 1;
  if (first > last) [first, last] = [Infinity, -1];
  for (const slot of withoutVote) {
    if (!isKnown(slot)) [first, last] = [Math.min(first, slot), Math.max(last, slot)];
  }
  return first > last ? undefined : { first, last };
}

/** Takes records one by one, as the acceptor wrote them; what comes twice changes nothing. */
class Replay {
  floor: Slot = 0;
  highestRound = 0;
  readonly #instances = new Map<Slot, AcceptorState>();
  readonly #withoutVote = new Set<Slot>();

  take(record: PaxosRecord): void {
    switch (record.kind) {
      case 'floor':
        this.floor = Math.max(this.floor, record.floor);
        return;
      case 'round':
        this.highestRound = Math.max(this.highestRound, record.round);
        return;
      case 'promise':
        this.#open(record.slot, record.ballot, undefined);
        return;
      case 'vote':
        this.#open(record.slot, record.vote.ballot, record.vote);
        return;
      case 'decided':
        this.#decide(record.slot, record.value);
        return;
      case 'decided-vote':
        this.#decideVote(record.slot, record.ballot);
    }
  }

  /** Slots whose decision names a vote that the log does not have. */
  get withoutVote(): readonly Slot[] {
    return [...this.#withoutVote];
  }

  isDecided(slot: Slot): boolean {
    return this.#instances.get(slot)?.phase === 'decided';
  }

  isDecidedBetween(first: Slot, last: Slot): boolean {
    for (let slot = first; slot <= last; slot += 1) if (!this.isDecided(slot)) return false;
    return true;
  }

  instancesFrom(floor: Slot): Map<Slot, AcceptorState> {
    return new Map([...this.#instances].filter(([slot]) => slot >= floor));
  }

  decidedBetween(first: Slot, last: Slot): Map<Slot, Uint8Array> {
    return new Map(
      [...this.#instances].flatMap(([slot, state]) =>
        slot >= first && slot <= last && state.phase === 'decided' ? [[slot, state.value]] : [],
      ),
    );
  }

  #open(slot: Slot, ballot: Ballot, cast: Vote | undefined): void {
    this.highestRound = Math.max(this.highestRound, ballot.round);
    const before = this.#instances.get(slot) ?? untouched;
    if (before.phase === 'decided') return;
    const promised = compareBallots(ballot, before.promised) > 0 ? ballot : before.promised;
    const vote = compareBallots(cast?.ballot, before.vote?.ballot) > 0 ? cast : before.vote;
    this.#instances.set(slot, { phase: 'open', promised, vote });
  }

  #decide(slot: Slot, value: Uint8Array): void {
    this.#withoutVote.delete(slot);
    this.#instances.set(slot, { phase: 'decided', value });
  }

  #decideVote(slot: Slot, ballot: Ballot): void {
    const before = this.#instances.get(slot);
    if (before?.phase === 'decided') return;
    if (
      before !== undefined &&
      compareBallots(before.vote?.ballot, ballot) === 0 &&
      before.vote !== undefined
    ) {
      this.#decide(slot, before.vote.value);
      return;
    }
    // The vote was made, so at least its ballot was promised; which value it had, nobody here knows any more.
    this.#open(slot, ballot, undefined);
    this.#withoutVote.add(slot);
  }
}
