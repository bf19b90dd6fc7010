import type { WriteOperation } from '../kv/operation.js';
import { KeyModel, type KeyOperation } from './model.js';
import { missingState, StateTable, type State } from './state-table.js';
import type { TimedOperation } from './timed-operations.js';

/** Where the store says that it ran a write: what ran earlier has less. Undefined if it does not say that it ran at all. */
export type RanAt = (write: WriteOperation) => number | undefined;

interface Waiting {
  readonly timed: TimedOperation;
  readonly operation: KeyOperation;
}

/**
 * Whether the operations on one key can have taken effect one at a time, the writes in the order that the store tells. What a
 * store tells of itself proves nothing against it; but an order that fits is one, whoever told it, and it is found in one
 * pass where a search may take for ever.
 */
export function fitsOrder(operations: readonly TimedOperation[], ranAt: RanAt): boolean {
  const model = new KeyModel(new StateTable());
  const waiting = operations.map((timed) => ({
    timed,
    operation: model.operation(timed.entry.operation, timed.answer),
  }));
  const ran = waiting.flatMap((write) => {
    const { operation } = write.timed.entry;
    const at = operation.kind === 'get' ? undefined : ranAt(operation);
    return at === undefined ? [] : [{ write, at }];
  });
  const writes = ran.sort((one, other) => one.at - other.at).map(({ write }) => write);
  const gets = waiting.filter(({ operation }) => operation.kind === 'get');
  const isComplete = waiting.every(
    (one) => one.timed.end === Infinity || one.operation.kind === 'get' || writes.includes(one),
  );
  return isComplete && new Line(model, gets, writes).fits();
}

/** Operations in a line, one after the other. */
class Line {
  readonly #model: KeyModel;
  readonly #writes: readonly Waiting[];
  /** By end; those that have no place yet. */
  readonly #left: Set<Waiting>;
  readonly #gets: Set<Waiting>;
  #state: State = missingState;

  constructor(model: KeyModel, gets: readonly Waiting[], writes: readonly Waiting[]) {
    this.#model = model;
    this.#writes = writes;
    this.#left = new Set([...gets, ...writes].sort((one, other) => one.timed.end - other.timed.end));
    this.#gets = new Set(gets);
  }

  fits(): boolean {
    this.#placeGets();
    for (const write of this.#writes) {
      if (!this.#mayStand(write)) return false;
      this.#state = this.#model.after(this.#state, write.operation);
      this.#left.delete(write);
      this.#placeGets();
    }
    return this.#gets.size === 0;
  }

  /** A Get changes nothing, so it stands as early as it may. */
  #placeGets(): void {
    for (let isPlaced = true; isPlaced;) {
      isPlaced = false;
      for (const get of this.#gets) {
        if (!this.#mayStand(get)) continue;
        this.#gets.delete(get);
        this.#left.delete(get);
        isPlaced = true;
      }
    }
  }

  /** Not behind the end of one that has no place yet, and only where the key gives it its answer. */
  #mayStand({ timed, operation }: Waiting): boolean {
    const [first] = this.#left;
    return timed.call <= (first?.timed.end ?? Infinity) && this.#model.allows(this.#state, operation);
  }
}
