import type { Clock } from '../runtime/clock.js';
import { AppliedWaits } from './applied-waits.js';
import type { Batch } from './batch.js';
import type { Slot } from './ids.js';
import type { Roster } from './roster.js';
import type { StateMachine } from './state-machine.js';
import type { Trace } from './trace.js';
import type { UnderWay } from './under-way.js';
import { decodeBatch } from './wire.js';

export interface ApplyLoopOptions<Result> {
  readonly roster: Pick<Roster, 'me' | 'incarnation'>;
  readonly stateMachine: StateMachine<Result>;
  readonly clock: Clock;
  /** The batches of this process whose callers wait for the results. */
  readonly underWay: UnderWay<Result>;
  /** The last slot that the state machine covers already; undefined: none. */
  readonly recoveredThrough: Slot | undefined;
  /** Whether nothing is applied before `replay`, because there is something to recover. */
  readonly awaitsReplay: boolean;
  /** The batch that is decided at a slot, if that is known. Asked for the slot that is next; taken when it is told. */
  readonly decided: (slot: Slot) => Uint8Array | undefined;
  /** Told in the same turn when `applied` has risen, once for many slots in a row, and when `replay` begins. */
  readonly progressed: () => void;
  /** Told once of a change of the state that failed. It is the last: going on would fork the state. Whoever is told closes. */
  readonly failed: (error: unknown) => void;
  readonly trace: Trace;
}

/** How long recovered slots are applied before other work has its turn. */
const replaySliceMs = 5;

/**
 * Applies decided slots in order to one state machine, and tells those who wait: the proposers of this process of their
 * results, others of the slot they wait for. Every engine has one. Nobody else changes the state.
 */
export class ApplyLoop<Result> {
  readonly #options: ApplyLoopOptions<Result>;
  readonly #waits = new AppliedWaits();
  #applied: Slot | undefined;
  #awaitsReplay: boolean;
  #closed = false;

  constructor(options: ApplyLoopOptions<Result>) {
    this.#options = options;
    this.#applied = options.recoveredThrough;
    this.#awaitsReplay = options.awaitsReplay;
    if (this.#applied !== undefined) this.#waits.advance(this.#applied);
  }

  /** The highest slot applied here. */
  get applied(): Slot | undefined {
    return this.#applied;
  }

  /** The slot that is applied next. */
  get next(): Slot {
    return (this.#applied ?? -1) + 1;
  }

  /** @throws RangeError unless every slot up to `through` is applied */
  checkApplied(through: Slot): void {
    if (through < this.next) return;
    throw new RangeError(
      `cannot cut through slot ${through}: only slots through ${this.#applied ?? 'none'} are applied`,
    );
  }

  /** Resolves when every slot up to `slot` is applied, or on `close`. */
  reached(slot: Slot): Promise<void> {
    return this.#waits.reached(slot);
  }

  /** Applies whatever is decided and next, in this turn; nothing before `replay`. */
  advance(): void {
    if (!this.#awaitsReplay && !this.#closed) this.#guarded(() => this.#applyUntil(() => false));
  }

  /** Applies what was recovered, in slices that let other work in between; from then on `advance` applies. */
  async replay(): Promise<void> {
    const { clock, progressed } = this.#options;
    this.#guarded(progressed);
    while (!this.#closed) {
      const endMs = clock.now() + replaySliceMs;
      if (!this.#guarded(() => this.#applyUntil(() => clock.now() >= endMs))) break;
      await clock.sleep(0);
    }
    this.#awaitsReplay = false;
  }

  /**
   * Puts a snapshot through `through` in the place of the state by calling `install`, ends what was under way at or below
   * it, and applies what follows, all in this turn (rule R12). Does nothing if `through` is applied already.
   */
  install(through: Slot, install: () => void): void {
    this.#guarded(() => this.#installed(through, install));
  }

  /** Changes the state no more, and ends every wait. */
  close(): void {
    this.#closed = true;
    this.#waits.close();
  }

  /** Runs what changes the state; if that fails this replica must not go on. */
  #guarded<Answer>(change: () => Answer): Answer | undefined {
    try {
      return change();
    } catch (error) {
      if (this.#closed) return undefined;
      this.#closed = true;
      this.#options.failed(error);
      return undefined;
    }
  }

  /** Applies slots that are decided and next until `isEnough`. Answers whether it ended so. */
  #applyUntil(isEnough: () => boolean): boolean {
    const before = this.#applied;
    let value: Uint8Array | undefined;
    while ((value = this.#options.decided(this.next)) !== undefined) {
      this.#apply(this.next, decodeBatch(value));
      if (isEnough()) break;
    }
    if (this.#applied !== before) this.#options.progressed();
    return value !== undefined;
  }

  #apply(slot: Slot, batch: Batch): void {
    const { stateMachine, roster, underWay, trace } = this.#options;
    const { origin, incarnation, number, commands } = batch;
    this.#applied = slot;
    const results = stateMachine.apply(slot, commands);
    trace('applied', { slot, origin, number, commands: commands.length });
    this.#waits.advance(slot);
    if (origin === roster.me && incarnation === roster.incarnation) underWay.settle(batch, results);
  }

  #installed(through: Slot, install: () => void): void {
    const { stateMachine, underWay, trace, progressed } = this.#options;
    if (this.#closed || through < this.next) return;
    install();
    this.#applied = through;
    trace('installed', { through });
    underWay.installed(through, (command) => stateMachine.recorded(command));
    this.#waits.advance(through);
    progressed();
    if (!this.#awaitsReplay) this.#applyUntil(() => false);
  }
}
