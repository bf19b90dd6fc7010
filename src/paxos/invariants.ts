import type { Slot } from '../log/ids.js';
import { InvariantViolation } from '../log/invariant-violation.js';
import type { AcceptorState } from './acceptor.js';
import { compareBallots, formatBallot, type Ballot } from '../log/ballot.js';
import { sameBytes } from './same-bytes.js';

/**
 * A decided slot never changes its value, a promise never falls, and a vote is never taken back for one under
 * a lower ballot.
 */
export function checkTransition(slot: Slot, before: AcceptorState, after: AcceptorState): void {
  if (before.phase === 'decided') {
    if (after.phase !== 'decided' || !sameBytes(before.value, after.value)) {
      throw new InvariantViolation(`slot ${slot} was decided and changed`);
    }
    return;
  }
  if (after.phase === 'decided') return;
  if (compareBallots(after.promised, before.promised) < 0) {
    throw new InvariantViolation(
      `slot ${slot} promised ${formatBallot(before.promised)} and then ${formatBallot(after.promised)}`,
    );
  }
  if (compareBallots(after.vote?.ballot, before.vote?.ballot) < 0) {
    throw new InvariantViolation(`slot ${slot} took its vote back`);
  }
  if (compareBallots(after.vote?.ballot, after.promised) > 0) {
    throw new InvariantViolation(`slot ${slot} voted above its promise`);
  }
}

/** Whoever learns a decision that differs from one already known has seen two. */
export function checkDecision(slot: Slot, known: Uint8Array, learned: Uint8Array): void {
  if (!sameBytes(known, learned)) throw new InvariantViolation(`slot ${slot} was decided with two values`);
}

/** A proposer never uses a ballot again, in either phase (rule R4). */
export function checkFreshBallot(slot: Slot, last: Ballot | undefined, next: Ballot): void {
  if (compareBallots(next, last) <= 0) {
    throw new InvariantViolation(`slot ${slot}: ballot ${formatBallot(next)} follows ${formatBallot(last)}`);
  }
}

/**
 * The floor never falls. Forgetting passes what every member is done with only as far as the application has given up
 * itself, by a cut or an installed snapshot (rule R3).
 */
export function checkFloor(before: Slot, after: Slot, min: Slot, givenUpBelow: Slot): void {
  if (after < before || after > Math.max(min, givenUpBelow)) {
    throw new InvariantViolation(
      `floor ${before} moved to ${after} while min is ${min} and slots below ${givenUpBelow} are given up`,
    );
  }
}
