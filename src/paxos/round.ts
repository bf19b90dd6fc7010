import type { ReplicaId, Slot } from '../log/ids.js';
import { compareBallots, type Ballot } from '../log/ballot.js';
import type { AcceptReply, Behind, Decided, PrepareReply, Reject, Vote } from './messages.js';

/**
 * One ballot of a proposer, as far as it has come. Pure: replies go in, the next phase comes out.
 *
 * - `preparing`: promises are gathered; `best` is the highest vote among them.
 * - `accepting`: votes for `value` are gathered.
 * - `chosen`: a majority has voted for `value` under `ballot`.
 * - `learned`: an acceptor knew the decision already.
 * - `lost`: no majority can be reached under this ballot any more, or a higher one was met.
 * - `behind`: an acceptor, `from`, has forgotten the slot.
 */
export type Round =
  | {
      readonly phase: 'preparing';
      readonly ballot: Ballot;
      readonly promised: ReadonlySet<ReplicaId>;
      readonly best: Vote | undefined;
    }
  | {
      readonly phase: 'accepting';
      readonly ballot: Ballot;
      readonly value: Uint8Array;
      readonly accepted: ReadonlySet<ReplicaId>;
    }
  | { readonly phase: 'chosen'; readonly value: Uint8Array }
  | { readonly phase: 'learned'; readonly value: Uint8Array }
  | { readonly phase: 'lost'; readonly highestPromised: Ballot | undefined }
  | { readonly phase: 'behind'; readonly from: ReplicaId; readonly floor: Slot };

export const beginRound = (ballot: Ballot): Round => ({
  phase: 'preparing',
  ballot,
  promised: new Set(),
  best: undefined,
});

const higherVote = (left: Vote | undefined, right: Vote | undefined): Vote | undefined =>
  compareBallots(left?.ballot, right?.ballot) >= 0 ? left : right;

/** Where a round goes on an answer that ends it in either phase. */
function ended(from: ReplicaId, reply: Reject | Decided | Behind): Round {
  switch (reply.kind) {
    case 'reject':
      return { phase: 'lost', highestPromised: reply.highestPromised };
    case 'decided':
      return { phase: 'learned', value: reply.value };
    case 'behind':
      return { phase: 'behind', from, floor: reply.floor };
  }
}

/**
 * Takes in an answer to Prepare. With promises from a majority the round goes on to accept the value of the
 * highest vote among THEM, or `ownValue` if none of them has voted.
 */
export function onPrepareReply(
  round: Round,
  majority: number,
  from: ReplicaId,
  reply: PrepareReply,
  ownValue: Uint8Array,
): Round {
  if (round.phase !== 'preparing') return round;
  switch (reply.kind) {
    case 'promise': {
      const promised = new Set(round.promised).add(from);
      const best = higherVote(round.best, reply.vote);
      if (promised.size < majority) return { ...round, promised, best };
      return {
        phase: 'accepting',
        ballot: round.ballot,
        value: best?.value ?? ownValue,
        accepted: new Set(),
      };
    }
    case 'refused':
      return round;
    default:
      return ended(from, reply);
  }
}

/** Takes in an answer to Accept: chosen once a majority has voted. */
export function onAcceptReply(round: Round, majority: number, from: ReplicaId, reply: AcceptReply): Round {
  if (round.phase !== 'accepting') return round;
  if (reply.kind === 'refused') return round;
  if (reply.kind !== 'accept-ok') return ended(from, reply);
  const accepted = new Set(round.accepted).add(from);
  return accepted.size < majority ? { ...round, accepted } : { phase: 'chosen', value: round.value };
}
