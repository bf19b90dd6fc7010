import type { Slot } from '../log/ids.js';
import type { VotingGate } from '../log/voting-gate.js';
import { releaseReply, type Journal } from '../storage/journal.js';
import {
  behind,
  onAccept,
  onDecide,
  onPrepare,
  refused,
  untouched,
  type AcceptorState,
  type Transition,
} from './acceptor.js';
import { checkDecision } from './invariants.js';
import type { Instances } from './instances.js';
import type { Trace } from '../log/trace.js';
import type {
  Accept,
  AcceptReply,
  Behind,
  Decide,
  DecideReply,
  PaxosRecord,
  Prepare,
  PrepareReply,
  Refused,
  SlotRange,
} from './messages.js';

export interface OwnAcceptorOptions {
  readonly instances: Instances;
  readonly journal: Journal<PaxosRecord>;
  readonly gate: VotingGate;
  readonly silent: SlotRange | undefined;
  readonly trace: Trace;
  /** Told of a broken invariant or a failed journal. */
  readonly fail: (error: unknown) => void;
  /** The record of a decision is on disk. */
  readonly decisionSynced: (slot: Slot) => void;
}

/**
 * The acceptors of all slots over one journal: runs each message through the pure transitions, and lets the answer out
 * when rule R2 allows. It votes only behind the gate, where no damage may have taken its memory, and while there is
 * space to write its votes down.
 */
export class OwnAcceptor {
  readonly #options: OwnAcceptorOptions;
  #silent: SlotRange | undefined;

  constructor(options: OwnAcceptorOptions) {
    this.#options = options;
    this.#silent = options.silent;
    this.lookAtSilence();
  }

  /** The slots that must be known decided before this acceptor votes on any slot up to the last of them (rule R6). */
  get silence(): SlotRange | undefined {
    return this.#silent;
  }

  /** The highest slot voted for, synced or not, or known decided, or that damage may have touched (rules R6, R7). */
  get reach(): Slot | undefined {
    const { reach } = this.#options.instances;
    if (this.#silent === undefined) return reach;
    return Math.max(reach ?? 0, this.#silent.last);
  }

  async prepare(request: Prepare): Promise<PrepareReply> {
    const { slot, ballot } = request;
    const { trace } = this.#options;
    trace('prepare-received', { slot, ...ballot });
    const reply = await this.#vote<PrepareReply>(slot, (state) => onPrepare(state, request));
    if (reply.kind === 'promise') trace('promise-synced', { slot, ...ballot });
    return reply;
  }

  async accept(request: Accept): Promise<AcceptReply> {
    const { slot, ballot } = request;
    const { trace } = this.#options;
    trace('accept-received', { slot, ...ballot });
    const reply = await this.#vote<AcceptReply>(slot, (state) => onAccept(state, request));
    if (reply.kind === 'accept-ok') trace('vote-synced', { slot, ...ballot });
    return reply;
  }

  /** Takes a decision in, also without space: its record waits, and with it Done (rule R15). */
  async decide(decision: Decide): Promise<DecideReply> {
    const { instances, journal, trace, fail, decisionSynced } = this.#options;
    const { slot, value } = decision;
    if (slot < instances.floor) return behind(instances.floor);
    const watched: Journal<PaxosRecord> = {
      hasSpace: journal.hasSpace,
      append: (records) => journal.append(records),
      appendLazily: async (records) => {
        await journal.appendLazily(records);
        trace('decided-synced', { slot });
        decisionSynced(slot);
      },
    };
    try {
      const before = instances.find(slot)?.acceptor ?? untouched;
      if (before.phase === 'decided') checkDecision(slot, before.value, value);
      const { state, step } = onDecide(before, decision);
      instances.advance(slot, state);
      if (this.#silent !== undefined) this.lookAtSilence();
      return await releaseReply(watched, step, fail);
    } catch (error) {
      fail(error);
      throw error;
    }
  }

  /** Ends the silence if all it waits for is decided or below the floor. */
  lookAtSilence(): void {
    if (this.#silent === undefined) return;
    const { instances } = this.#options;
    const { last } = this.#silent;
    let { first } = this.#silent;
    const isKnown = (slot: Slot) =>
      slot < instances.floor || instances.find(slot)?.acceptor.phase === 'decided';
    while (first <= last && isKnown(first)) first += 1;
    this.#silent = first > last ? undefined : { first, last };
  }

  /** Runs a Prepare or an Accept; the reply comes out when rule R2 lets it. */
  async #vote<Reply>(
    slot: Slot,
    transition: (state: AcceptorState) => Transition<Reply>,
  ): Promise<Reply | Behind | Refused> {
    const { instances, journal, gate, fail } = this.#options;
    if (slot < instances.floor) return behind(instances.floor);
    if (!gate.isOpen || slot <= (this.#silent?.last ?? -1)) return refused('not-voting');
    try {
      const { state, step } = transition(instances.find(slot)?.acceptor ?? untouched);
      if (step.records.length > 0 && !journal.hasSpace) return refused('no-space');
      instances.advance(slot, state);
      return await releaseReply(journal, step, fail);
    } catch (error) {
      fail(error);
      throw error;
    }
  }
}
