import { compareBallots, formatBallot, type Ballot } from '../log/ballot.js';
import type { Slot } from '../log/ids.js';
import { InvariantViolation } from '../log/invariant-violation.js';

/** A promise never falls. */
export function checkPromise(before: Ballot | undefined, after: Ballot): void {
  if (compareBallots(after, before) < 0) {
    throw new InvariantViolation(`promised ${formatBallot(before)} and then ${formatBallot(after)}`);
  }
}

/** A replica leads with no ballot that it may have used or promised before (rule R4). */
export function checkFreshBallot(before: Ballot | undefined, claimed: Ballot): void {
  if (compareBallots(claimed, before) <= 0) {
    throw new InvariantViolation(`claims ${formatBallot(claimed)} after it promised ${formatBallot(before)}`);
  }
}

/** A replica claims a ballot only while it hears a majority, itself included: others could not follow it. */
export function checkQuorumConnected(heard: number, majority: number): void {
  if (heard < majority) {
    throw new InvariantViolation(`claims a ballot and hears ${heard} members; a majority is ${majority}`);
  }
}

/** A log is accepted under the ballot promised, and never again under a lower one. */
export function checkAccepted(promised: Ballot | undefined, before: Ballot | undefined, after: Ballot): void {
  if (compareBallots(after, promised) !== 0 || compareBallots(after, before) < 0) {
    throw new InvariantViolation(
      `accepts under ${formatBallot(after)}, having promised ${formatBallot(promised)} and accepted under ` +
        formatBallot(before),
    );
  }
}

/** What is decided is never replaced, and no slot is left out. */
export function checkReplacement(decidedEnd: Slot, acceptedEnd: Slot, from: Slot): void {
  if (from < decidedEnd || from > acceptedEnd) {
    throw new InvariantViolation(
      `replaces the log from slot ${from}; it is decided below ${decidedEnd} and held below ${acceptedEnd}`,
    );
  }
}

/** What is decided is held, or forgotten because it was decided; and it stays so. */
export function checkDecided(before: Slot, after: Slot, acceptedEnd: Slot): void {
  if (after < before || after > acceptedEnd) {
    throw new InvariantViolation(
      `decided below ${before} and then below ${after}, and holds slots below ${acceptedEnd}`,
    );
  }
}

/** Only what is decided is forgotten, and the floor never falls. */
export function checkFloor(before: Slot, after: Slot, decidedEnd: Slot): void {
  if (after < before || after > decidedEnd) {
    throw new InvariantViolation(`floor ${before} moved to ${after}; decided below ${decidedEnd}`);
  }
}
