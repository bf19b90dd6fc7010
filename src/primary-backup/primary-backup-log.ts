import { enqueue } from '../log/enqueue.js';
import { LogError, type LogFailure } from '../log/errors.js';
import type { Slot } from '../log/ids.js';
import { ProposalQueue, type Proposal } from '../log/proposal-queue.js';
import { Readers, type Reader } from '../log/readers.js';
import type { LogStatus, ReplicatedLog } from '../log/replicated-log.js';
import type { StateMachine } from '../log/state-machine.js';
import type { Trace } from '../log/trace.js';
import type { CallOptions } from '../rpc/link.js';
import type { Clock } from '../runtime/clock.js';
import { checkForwarding } from './invariants.js';
import type { Membership } from './membership.js';
import type { Forward, ForwardAnswer } from './messages.js';
import type { ServerAddress } from './names.js';

/** The state as the log changes it. Another takes its place when a backup has pulled the primary's. */
export interface ReplicaState<Result> extends StateMachine<Result> {
  readonly applied: Slot | undefined;
}

export interface PrimaryBackupLogOptions<Result> {
  readonly membership: Membership;
  readonly state: () => ReplicaState<Result>;
  readonly clock: Clock;
  /** The transfer that the backup of this view must have its state from; 0 before any. */
  readonly transfer: () => number;
  readonly forward: (backup: ServerAddress, forward: Forward, options: CallOptions) => Promise<ForwardAnswer>;
  /** How long an unanswered forward is waited for at most. */
  readonly roundTimeoutMs: number;
  /** Told when the backup knows a later view. */
  readonly doubtful: () => void;
  /** Told of an apply that failed, after which this log is closed: going on would fork the state. */
  readonly fatal: (error: unknown) => void;
  readonly trace: Trace;
}

/** What the primary is doing: nothing overtakes it, and it changes no more until it is settled. */
interface Unsettled<Result> {
  readonly slot: Slot;
  readonly proposals: readonly Proposal<Result>[];
  readonly readers: ReadonlySet<Reader>;
  /** How long the next forward of it is waited for: short at first, since it may be lost; then longer, if it is large. */
  timeoutMs: number;
}

const firstTimeoutMs = 200;

/** How long the primary waits before it forwards the same again. */
const retryMs = 10;

/**
 * The order of operations as the primary makes it (seed 003). What waits is packed into a batch, forwarded to the backup,
 * applied when the backup has acknowledged it in the same view, and answered; reads are forwarded as well, as a batch
 * that takes no slot. One batch at a time: until it is settled nothing else runs, and it is sent again for as long as the
 * view has a backup. Only a view without one lets the primary go on alone. Of the contract of a log it meets what clients
 * need: primary and backup keep no slots, and cut none.
 */
export class PrimaryBackupLog<Result> implements Pick<
  ReplicatedLog<Result>,
  'propose' | 'readBarrier' | 'status' | 'close'
> {
  readonly #options: PrimaryBackupLogOptions<Result>;
  readonly #queue = new ProposalQueue<Result>();
  readonly #readers = new Readers();
  #unsettled: Unsettled<Result> | undefined;
  /** Ends what is waited for when the view changes. */
  #viewChanged = new AbortController();
  #isPumping = false;
  #isPumpDue = false;
  #closed = false;

  constructor(options: PrimaryBackupLogOptions<Result>) {
    this.#options = options;
  }

  propose(command: Uint8Array, signal: AbortSignal): Promise<Result> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(new LogError(refusal));
    const answer = enqueue(this.#queue, command, signal, () => this.#options.trace('reply-settled', {}));
    this.#pumpSoon();
    return answer;
  }

  readBarrier(signal: AbortSignal): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(new LogError(refusal));
    const passed = this.#readers.add(signal);
    this.#pumpSoon();
    return passed;
  }

  status(): LogStatus {
    const proposals = this.#unsettled?.proposals ?? [];
    return {
      min: this.#next,
      max: this.#applied,
      applied: this.#applied,
      floor: this.#next,
      held: proposals.length > 0 ? 1 : 0,
      heldBytes: proposals.reduce((sum, { command }) => sum + command.length, 0),
      queuedCommands: this.#queue.commands,
      queuedBytes: this.#queue.bytes,
      open: [],
    };
  }

  /** The part of this server in the view, or the view, is another now. */
  viewChanged(): void {
    this.#viewChanged.abort();
    this.#viewChanged = new AbortController();
    if (this.#options.membership.part.kind === 'primary') this.#pumpSoon();
    else this.#turnAway();
  }

  close(): Promise<void> {
    if (!this.#closed)
      this.#end({ kind: 'closed' }, { kind: 'outcome-unknown', stage: 'closed-while-proposed' });
    this.#closed = true;
    return Promise.resolve();
  }

  get #applied(): Slot | undefined {
    return this.#options.state().applied;
  }

  get #next(): Slot {
    return (this.#applied ?? -1) + 1;
  }

  /** Why no call is taken now, if none is. */
  #refusal(): LogFailure | undefined {
    if (this.#closed) return { kind: 'closed' };
    return this.#options.membership.part.kind === 'primary' ? undefined : this.#notPrimary();
  }

  #notPrimary(): LogFailure {
    const { part, view, trouble } = this.#options.membership;
    const place = part.kind === 'backup' ? `the backup in view ${view.viewNumber}` : 'not the primary';
    const isElsewhere = part.kind === 'backup' || part.kind === 'idle';
    return {
      kind: 'not-leader',
      hint: isElsewhere ? view.primary : undefined,
      detail: trouble === '' ? `this server is ${place}` : trouble,
    };
  }

  /** What is under way may have been done by the backup; what waits has certainly not been executed. */
  #turnAway(): void {
    this.#end(this.#notPrimary(), { kind: 'outcome-unknown', stage: 'leadership-lost' });
  }

  #end(waiting: LogFailure, underWay: LogFailure): void {
    const { proposals } = this.#unsettled ?? { proposals: [] };
    this.#unsettled = undefined;
    for (const proposal of proposals) proposal.settle({ failure: underWay });
    for (const proposal of this.#queue.drain()) proposal.settle({ failure: waiting });
    this.#readers.settleAll(waiting);
    this.#viewChanged.abort();
  }

  /** At the end of this turn, so that what comes together goes together. */
  #pumpSoon(): void {
    if (this.#isPumpDue || this.#isPumping || this.#closed) return;
    this.#isPumpDue = true;
    void Promise.resolve().then(() => {
      this.#isPumpDue = false;
      return this.#pump();
    });
  }

  async #pump(): Promise<void> {
    if (this.#isPumping) return;
    this.#isPumping = true;
    try {
      while (this.#take()) await this.#settleOrWait();
    } catch (error) {
      await this.close();
      this.#options.fatal(error);
    } finally {
      this.#isPumping = false;
    }
  }

  /** Whether there is something to settle, and this server may. */
  #take(): boolean {
    const { part } = this.#options.membership;
    if (this.#closed || part.kind !== 'primary' || !part.isAcknowledged) return false;
    if (this.#unsettled !== undefined) return true;
    const proposals = this.#queue.takeBatch();
    if (proposals.length === 0 && !this.#readers.areWaiting()) return false;
    this.#unsettled = {
      slot: this.#next,
      proposals,
      readers: this.#readers.take(),
      timeoutMs: Math.min(firstTimeoutMs, this.#options.roundTimeoutMs),
    };
    return true;
  }

  /** Settles what is under way, if the backup acknowledges it; otherwise waits a little, or for the next view. */
  async #settleOrWait(): Promise<void> {
    const { membership, clock, doubtful } = this.#options;
    const { part } = membership;
    const unsettled = this.#unsettled;
    if (part.kind !== 'primary' || unsettled === undefined) return;
    if (part.backup === undefined) {
      this.#settle(unsettled);
      return;
    }
    const { signal } = this.#viewChanged;
    const answer = await this.#forward(part.backup, unsettled, signal);
    if (signal.aborted || this.#unsettled !== unsettled) return;
    if (answer === 'acknowledged') {
      this.#settle(unsettled);
      return;
    }
    if (answer === 'stale') doubtful();
    await clock.sleep(retryMs, signal);
  }

  /** An acknowledgement counts only if no transfer has begun since: another process may be the backup now. */
  async #forward(
    backup: ServerAddress,
    unsettled: Unsettled<Result>,
    signal: AbortSignal,
  ): Promise<ForwardAnswer['kind'] | 'failed'> {
    const { membership, transfer, forward, roundTimeoutMs } = this.#options;
    const { slot, proposals, timeoutMs } = unsettled;
    const { standing } = membership;
    if (standing === undefined) return 'failed';
    const sentOf = transfer();
    unsettled.timeoutMs = Math.min(2 * timeoutMs, roundTimeoutMs);
    const commands = proposals.map(({ command }) => command);
    try {
      const message = { standing, slot, commands, transfer: sentOf };
      const { kind } = await forward(backup, message, { timeoutMs, signal });
      return kind === 'acknowledged' && transfer() !== sentOf ? 'not-ready' : kind;
    } catch {
      return 'failed';
    }
  }

  #settle({ slot, proposals, readers }: Unsettled<Result>): void {
    const { state, trace } = this.#options;
    checkForwarding(this.#applied, slot);
    const commands = proposals.map(({ command }) => command);
    const results = commands.length === 0 ? [] : state().apply(slot, commands);
    this.#unsettled = undefined;
    if (commands.length > 0) trace('applied', { slot, commands: commands.length });
    proposals.forEach((proposal, index) => {
      const result = results[index];
      if (result === undefined) throw new Error(`slot ${slot} came back without a result for each command`);
      proposal.settle({ result });
    });
    for (const reader of this.#readers.unsettled(readers)) reader.settle();
  }
}
