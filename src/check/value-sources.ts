import { itemAt } from './indexing.js';
import type { HashedTexts } from './hashed-texts.js';
import type { KeyOperation } from './model.js';
import { impossibleState, missingState, type State, type StateTable } from './state-table.js';
import { inOrderOfAnswers, type TimedOperation } from './timed-operations.js';

/** More are not worth keeping count of. */
const sourceLimit = 8;

/** The longest text of a 32-bit number. */
const hashDigits = 10;

/** A text of so many digits is the same as another by design, not by accident. */
const tellingDigits = 6;

/** Where the values that were seen can come from. Operations are numbers, values are states of one table. */
export interface Sources {
  /**
   * By operation, the writes that can have left what grew into the value it shows. Undefined if it shows none, if they are
   * too many, or if what it shows may be the work of a PutHash whose answer nobody saw.
   */
  readonly of: readonly (readonly number[] | undefined)[];
  /** By operation, whether what it shows may have grown on a missing key. */
  readonly mayBeFirst: readonly boolean[];
  /** Some operation shows what nothing can have left. */
  readonly contradicted: boolean;
  /** By operation, those it is a source of. */
  readonly dependents: readonly (readonly number[])[];
  /** By operation, the texts of at least six digits that its value begins with: one may be what a PutHash left. */
  readonly hashesShown: readonly (readonly State[])[];
  /** Everything that some value begins with and that a PutHash can leave. */
  readonly allHashesShown: ReadonlySet<State>;
}

export const shownBy = (operation: KeyOperation): State | undefined =>
  operation.kind === 'get' || operation.kind === 'put-hash' ? operation.shows : undefined;

export const leftBy = (operation: KeyOperation): State | undefined =>
  operation.kind === 'put' || operation.kind === 'put-hash' ? operation.leaves : undefined;

/** What a PutHash may have left for a value to begin with it. */
const digitsBefore = (text: string): string[] => {
  const digits = /^\d*/.exec(text.slice(0, hashDigits))?.[0] ?? '';
  return Array.from(digits, (_digit, index) => digits.slice(0, index + 1));
};

export const leavesUnknown = (operation: KeyOperation): boolean =>
  operation.kind === 'put-hash' && operation.leaves === undefined;

/** The operations of one key, by number: as they were timed, and as the model has them. */
export interface Numbered {
  readonly operations: readonly TimedOperation[];
  readonly keyOperations: readonly KeyOperation[];
  readonly states: StateTable;
}

/** The texts that the PutHashes whose answers were seen have hashed. */
export function addKnownHashes({ keyOperations, states }: Numbered, hashed: HashedTexts): void {
  for (const operation of keyOperations) {
    if (operation.kind !== 'put-hash' || operation.leaves === undefined) continue;
    hashed.add(operation.leaves, states.text(operation.shows ?? missingState) + operation.value);
  }
}

/** @param hashed undefined if a PutHash may leave by accident what another is known to leave */
export function sourcesOf(numbered: Numbered, hashed: HashedTexts | undefined): Sources {
  const { operations } = numbered;
  const hashesShown = operations.map((_operation, number) => hashesShownBy(numbered, number));
  const telling = hashesShown.map((hashes) => hashes.slice(tellingDigits - 1));
  const unseen = unseenHashesOf(numbered);
  const isOpen = operations.map(({ end }, number) => {
    if (itemAt(hashesShown, number).length === 0) return false;
    const mayBe = (value: string) => hashed === undefined || hashed.mayBeOf(itemAt(telling, number), value);
    return unseen.some(({ call, value }) => call < end && mayBe(value));
  });
  const writes = new Writes(numbered);
  const found = operations.map((_operation, number) => writes.sourcesOf(number));
  const mayBeFirst = operations.map((_operation, number) => writes.mayBeFirst(number));
  const of = found.map((sources, number) =>
    itemAt(isOpen, number) || sources === undefined || sources.length > sourceLimit ? undefined : sources,
  );
  const dependents: number[][] = operations.map(() => []);
  for (const [number, sources] of of.entries()) {
    for (const source of sources ?? []) dependents[source]?.push(number);
  }
  const contradicted = of.some((sources, number) => sources?.length === 0 && !itemAt(mayBeFirst, number));
  return {
    of,
    mayBeFirst,
    contradicted,
    dependents,
    hashesShown: telling,
    allHashesShown: new Set(hashesShown.flat()),
  };
}

/** The values of the PutHashes that nobody saw the answer of, each with its first call. */
function unseenHashesOf({ operations, keyOperations }: Numbered) {
  const firstCalls = new Map<string, number>();
  for (const [number, operation] of keyOperations.entries()) {
    if (operation.kind !== 'put-hash' || operation.leaves !== undefined) continue;
    if (!firstCalls.has(operation.value)) firstCalls.set(operation.value, itemAt(operations, number).call);
  }
  return Array.from(firstCalls, ([value, call]) => ({ value, call }));
}

function hashesShownBy({ keyOperations, states }: Numbered, number: number): State[] {
  const shown = shownBy(itemAt(keyOperations, number));
  return shown === undefined ? [] : digitsBefore(states.text(shown)).map((digits) => states.of(digits));
}

/** The writes of one key, found by what they leave. */
class Writes {
  readonly #numbered: Numbered;
  readonly #byText = new Map<string, number[]>();
  readonly #lengths: readonly number[];
  readonly #resets: LatestCalls;
  readonly #all: LatestCalls;

  constructor(numbered: Numbered) {
    const { operations, keyOperations, states } = numbered;
    this.#numbered = numbered;
    for (const [number, operation] of keyOperations.entries()) {
      const left = leftBy(operation);
      if (left === undefined) continue;
      const text = states.text(left);
      const numbers = this.#byText.get(text);
      if (numbers === undefined) this.#byText.set(text, [number]);
      else numbers.push(number);
    }
    this.#lengths = [...new Set([...this.#byText.keys()].map(({ length }) => length))];
    const ofKind = (kinds: readonly KeyOperation['kind'][]) =>
      new LatestCalls(
        operations.filter((_operation, number) => kinds.includes(itemAt(keyOperations, number).kind)),
      );
    this.#resets = ofKind(['put', 'put-hash']);
    this.#all = ofKind(['put', 'append', 'put-hash']);
  }

  /** Undefined if the operation need not show anything. */
  sourcesOf(number: number): number[] | undefined {
    const { operations, keyOperations, states } = this.#numbered;
    const shown = shownBy(itemAt(keyOperations, number));
    const { call, end } = itemAt(operations, number);
    // What need not run need not have a source either.
    if (shown === undefined || end === Infinity) return undefined;
    if (shown === missingState || shown === impossibleState) return [];
    // What had ended before a reset was called that had ended before this was called is buried.
    const buriedUpTo = this.#resets.endedBefore(call);
    const text = states.text(shown);
    return this.#lengths
      .flatMap((length) => (length > text.length ? [] : (this.#byText.get(text.slice(0, length)) ?? [])))
      .filter((reset) => reset !== number && itemAt(operations, reset).call < end)
      .filter((reset) => itemAt(operations, reset).end >= buriedUpTo);
  }

  mayBeFirst(number: number): boolean {
    const { operations, keyOperations } = this.#numbered;
    const operation = itemAt(keyOperations, number);
    const shown = shownBy(operation);
    if (shown === impossibleState) return false;
    const mustBeMissing = shown === missingState;
    return (
      (mustBeMissing ? this.#all : this.#resets).endedBefore(itemAt(operations, number).call) === -Infinity
    );
  }
}

/** Of operations that had ended by some moment, which was called last. */
class LatestCalls {
  readonly #ends: readonly number[];
  readonly #latest: readonly number[];

  constructor(operations: readonly TimedOperation[]) {
    const ended = inOrderOfAnswers(operations);
    this.#ends = ended.map(({ end }) => end);
    let latest = -Infinity;
    this.#latest = ended.map(({ call }) => (latest = Math.max(latest, call)));
  }

  /** When the last of them was called; -Infinity if there is none. */
  endedBefore(moment: number): number {
    let [low, high] = [0, this.#ends.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (itemAt(this.#ends, middle) < moment) low = middle + 1;
      else high = middle;
    }
    return low === 0 ? -Infinity : itemAt(this.#latest, low - 1);
  }
}
