import type { Slot } from '../log/ids.js';
import type { Step } from '../storage/journal.js';
import { compareBallots, type Ballot } from '../log/ballot.js';
import type {
  Accept,
  AcceptReply,
  Decide,
  DecideReply,
  PaxosRecord,
  Prepare,
  PrepareReply,
  Refused,
  Vote,
} from './messages.js';
import { sameBytes } from './same-bytes.js';

/** What an acceptor remembers of one instance. Once decided, promises and votes have done their work. */
export type AcceptorState =
  | { readonly phase: 'open'; readonly promised: Ballot | undefined; readonly vote: Vote | undefined }
  | { readonly phase: 'decided'; readonly value: Uint8Array };

export const untouched: AcceptorState = { phase: 'open', promised: undefined, vote: undefined };

/** What one message does to an acceptor. */
export interface Transition<Reply> {
  readonly state: AcceptorState;
  readonly step: Step<PaxosRecord, Reply>;
}

const answerAtOnce = <Reply>(state: AcceptorState, reply: Reply): Transition<Reply> => ({
  state,
  step: { records: [], atOnce: [reply], afterSync: [] },
});

const answerAfterSync = <Reply>(
  state: AcceptorState,
  records: readonly PaxosRecord[],
  reply: Reply,
): Transition<Reply> => ({ state, step: { records, atOnce: [], afterSync: [reply] } });

/**
 * The pseudocode's prepare handler (seed 002, section 4), but for an equal ballot: it can only be a duplicate
 * of the same proposer's message and is answered again with what holds now (rule R4). A rejection tells of a
 * promise, so it too waits for the sync.
 */
export function onPrepare(state: AcceptorState, { slot, ballot }: Prepare): Transition<PrepareReply> {
  if (state.phase === 'decided') return answerAtOnce(state, { kind: 'decided', value: state.value });
  const { promised, vote } = state;
  if (promised !== undefined && compareBallots(ballot, promised) < 0) {
    return answerAfterSync(state, [], { kind: 'reject', highestPromised: promised });
  }
  const records: PaxosRecord[] =
    compareBallots(ballot, promised) === 0 ? [] : [{ kind: 'promise', slot, ballot }];
  return answerAfterSync({ ...state, promised: ballot }, records, { kind: 'promise', vote });
}

/** The pseudocode's accept handler: a ballot at or above the promise is promised and voted for. */
export function onAccept(state: AcceptorState, { slot, ballot, value }: Accept): Transition<AcceptReply> {
  if (state.phase === 'decided') return answerAtOnce(state, { kind: 'decided', value: state.value });
  const { promised, vote } = state;
  if (promised !== undefined && compareBallots(ballot, promised) < 0) {
    return answerAfterSync(state, [], { kind: 'reject', highestPromised: promised });
  }
  if (compareBallots(ballot, vote?.ballot) === 0) return answerAfterSync(state, [], { kind: 'accept-ok' });
  const cast: Vote = { ballot, value };
  return answerAfterSync(
    { phase: 'open', promised: ballot, vote: cast },
    [{ kind: 'vote', slot, vote: cast }],
    {
      kind: 'accept-ok',
    },
  );
}

/**
 * Keeps the decided value and drops the rest; a second decision of the same value changes nothing. The record names the
 * own vote if that has the value already.
 */
export function onDecide(state: AcceptorState, { slot, value }: Decide): Transition<DecideReply> {
  if (state.phase === 'decided') return answerAtOnce(state, { kind: 'decide-ok' });
  const { vote } = state;
  const record: PaxosRecord =
    vote !== undefined && sameBytes(vote.value, value)
      ? { kind: 'decided-vote', slot, ballot: vote.ballot }
      : { kind: 'decided', slot, value };
  return {
    state: { phase: 'decided', value },
    step: { records: [record], atOnce: [{ kind: 'decide-ok' }], afterSync: [] },
  };
}

/** What is asked about a slot below the floor creates nothing and promises nothing (rule R3). */
export const behind = (floor: Slot) => ({ kind: 'behind', floor }) as const;

/** Neither promises nor votes, and creates nothing. */
export const refused = (reason: Refused['reason']): Refused => ({ kind: 'refused', reason });
