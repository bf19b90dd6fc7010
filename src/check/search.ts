import { itemAt, numberAt } from './indexing.js';
import type { Budget, Exhausted } from './budget.js';
import { HashedTexts } from './hashed-texts.js';
import type { HistoryEntry } from './history.js';
import { KeyModel, type KeyOperation } from './model.js';
import { none, type OperationList } from './operation-list.js';
import { PlacedSet } from './placed-set.js';
import { precedence } from './precedence.js';
import { addKnownHashes, leavesUnknown, shownBy, sourcesOf, type Sources } from './value-sources.js';
import { missingState, StateTable, type State } from './state-table.js';
import type { TimedOperation } from './timed-operations.js';
import { twinsAmong } from './twins.js';
import { Unplaced } from './unplaced.js';
import { unseenWrites } from './unseen-writes.js';
import { Visited } from './visited.js';

/** What came of looking for an order. */
export type SearchResult =
  | {
      readonly kind: 'order';
      readonly order: readonly HistoryEntry[];
      /** The value of the key once that many of them have run; undefined if it is missing. */
      readonly heldAfter: (count: number) => string | undefined;
    }
  | { readonly kind: 'no-order' }
  /** `placed` is how many answered operations the longest order tried had. */
  | { readonly kind: 'out-of-budget'; readonly exhausted: Exhausted; readonly placed: number };

/** An operation in its place, and what undoing that takes. */
interface Placed {
  readonly operation: number;
  readonly stateBefore: State;
  readonly owedBefore: boolean;
  readonly unseenHashesBefore: number;
  readonly buriedBefore: boolean;
  /** Nothing else need be tried in this place. */
  readonly settled: boolean;
}

/** Where a write may be placed. */
interface Place {
  /** The first end of what has no place yet. */
  readonly end: number;
  /** A write that no answer shows and that may stand here; `none` if there is none. */
  readonly unseen: number;
}

/** How many of the next observations a state is held against. */
const observationsAhead = 8;

/** What a search leaves out, to be quicker where that makes no difference. */
export interface SearchRules {
  /** Whether a PutHash nobody saw the answer of may leave, by accident, what another is known to leave. */
  readonly hashesCollide: boolean;
  /** How many such PutHashes may run before somebody sees what the last of them left. */
  readonly hashesInARow: number;
  /**
   * Whether writes whose texts no answer shows run right before a Put, as many of them as may. No order is lost by that
   * unless such a PutHash has hashed one of them.
   */
  readonly unseenTogether: boolean;
}

/** Nothing is left out. */
export const allOrders: SearchRules = {
  hashesCollide: true,
  hashesInARow: Infinity,
  unseenTogether: false,
};

/**
 * Looks for an order of the operations on one key that its model allows, that has every answered operation, and in which
 * none stands before one that had ended before it was called. Wing and Gong's search as Lowe improved it; what is
 * left out and why nothing is lost by it is in docs/checker.md.
 */
export class Search {
  readonly #operations: readonly TimedOperation[];
  readonly #budget: Budget;
  readonly #states = new StateTable();
  readonly #model = new KeyModel(this.#states);
  readonly #keyOperations: readonly KeyOperation[];
  /** An earlier operation that does the same, if nobody knows of either whether it ran. */
  readonly #twins: readonly number[];

  readonly #unplaced: Unplaced;
  /** Writes whose texts no answer shows, if they are to run together. */
  readonly #unseen: ReadonlySet<number>;

  readonly #rules: SearchRules;
  readonly #sources: Sources;
  /** By operation, those that must stand before it. */
  readonly #before: readonly (readonly number[])[];
  /** By observation, how many of its sources have no place yet. */
  readonly #sourcesLeft: Int32Array;
  /** Observations without a place whose sources all have one: each state must grow into what they show. */
  readonly #bound = new Set<number>();
  /** Of the PutHashes that were answered, and of all that have a place. */
  readonly #hashed = new HashedTexts();

  readonly #visited = new Visited();
  readonly #set: PlacedSet;
  readonly #placed: Placed[] = [];
  #state: State = missingState;
  /** An operation of unknown outcome was given a place, and nothing after it has shown its effect yet. */
  #owed = false;
  /** PutHashes nobody saw the answer of that ran in a row, the last of which left what no answer shows. */
  #unseenHashes = 0;
  /** A write that no answer shows has run, and no Put or PutHash since: nobody observes anything now. */
  #isBuried = false;
  readonly #answered: number;
  #left: number;
  #fewestLeft: number;

  constructor(operations: readonly TimedOperation[], budget: Budget, rules = allOrders) {
    this.#operations = operations;
    this.#budget = budget;
    this.#rules = rules;
    this.#keyOperations = operations.map(({ entry, answer }) =>
      this.#model.operation(entry.operation, answer),
    );
    const numbers = operations.map((_operation, number) => number);
    const answered = numbers.filter((number) => !this.#isUnknown(number));
    const unknown = numbers.filter((number) => this.#isUnknown(number));
    this.#set = new PlacedSet(answered, unknown);
    this.#twins = twinsAmong(operations);
    const numbered = { operations, keyOperations: this.#keyOperations, states: this.#states };
    addKnownHashes(numbered, this.#hashed);
    this.#sources = sourcesOf(numbered, rules.hashesCollide ? undefined : this.#hashed);
    this.#before = precedence(numbered, this.#sources);
    this.#unseen = rules.unseenTogether ? unseenWrites(numbered) : new Set();
    this.#unplaced = new Unplaced(operations, this.#keyOperations, this.#unseen);
    this.#sourcesLeft = Int32Array.from(this.#sources.of, (sources) => sources?.length ?? 0);
    this.#answered = answered.length;
    this.#left = answered.length;
    this.#fewestLeft = answered.length;
  }

  run(): SearchResult {
    if (this.#sources.contradicted) return { kind: 'no-order' };
    let goOnAfter: number | undefined;
    while (this.#left > 0) {
      const { exhausted } = this.#budget;
      if (exhausted !== undefined) {
        return { kind: 'out-of-budget', exhausted, placed: this.#answered - this.#fewestLeft };
      }
      if ((goOnAfter === undefined && this.#placeGet()) || this.#placeWrite(goOnAfter)) {
        goOnAfter = undefined;
        continue;
      }
      goOnAfter = this.#undo();
      if (goOnAfter === undefined) return { kind: 'no-order' };
    }
    return this.#found();
  }

  #found(): SearchResult {
    const order = this.#placed.map(({ operation }) => itemAt(this.#operations, operation).entry);
    const heldAfter = (count: number) => {
      const state = this.#placed[count]?.stateBefore ?? this.#state;
      return state === missingState ? undefined : this.#states.text(state);
    };
    return { kind: 'order', order, heldAfter };
  }

  /** A Get that may stand here and sees its value can as well stand here as later: it changes nothing. */
  #placeGet(): boolean {
    const { firstEnd: end } = this.#unplaced;
    for (
      let number = this.#unplaced.gets.after(none);
      number !== none && this.#call(number) < end;
      number = this.#unplaced.gets.after(number)
    ) {
      this.#spend();
      const operation = itemAt(this.#keyOperations, number);
      if (!this.#model.allows(this.#state, operation)) continue;
      this.#push(number, true);
      this.#owed = false;
      return true;
    }
    return false;
  }

  /** Those of unknown outcome come last: most never ran. */
  #placeWrite(after: number | undefined): boolean {
    const { firstEnd: end } = this.#unplaced;
    const unseen = this.#firstUnseen(end);
    if (unseen !== none && this.#isBuried) {
      this.#bury(unseen);
      return true;
    }
    const inUnknown = after !== undefined && this.#isUnknown(after);
    if (!inUnknown && this.#placeOneOf(this.#unplaced.writes, after ?? none, { end, unseen })) return true;
    return this.#placeOneOf(this.#unplaced.unknown, inUnknown ? after : none, { end, unseen });
  }

  /** A write that no answer shows, and that may have the next place. */
  #firstUnseen(end: number): number {
    for (
      let number = this.#unplaced.unseenWrites.after(none);
      number !== none && this.#call(number) < end;
      number = this.#unplaced.unseenWrites.after(number)
    ) {
      if (this.#mayStand(number)) return number;
    }
    return none;
  }

  /** Where nobody observes anything, a write that no answer shows can as well stand here as later. */
  #bury(number: number): void {
    this.#spend();
    this.#push(number, true);
    this.#state = this.#model.after(this.#state, itemAt(this.#keyOperations, number));
  }

  #placeOneOf(list: OperationList, after: number, { end, unseen }: Place): boolean {
    for (
      let number = list.after(after);
      number !== none && this.#call(number) < end;
      number = list.after(number)
    ) {
      if (this.#mayFollow(number, unseen) && this.#tryWrite(number)) return true;
    }
    return false;
  }

  /**
   * Writes that no answer shows may stand next, or some other Put would leave one of them for later: before a Put they
   * harm nobody. Which of them is the first makes no difference; and one of unknown outcome need not run at all.
   */
  #mayFollow(number: number, unseen: number): boolean {
    if (this.#unseen.has(number)) return number === unseen;
    return unseen === none || itemAt(this.#keyOperations, number).kind !== 'put';
  }

  #mayStand(number: number): boolean {
    return itemAt(this.#before, number).every((earlier) => this.#set.has(earlier));
  }

  #tryWrite(number: number): boolean {
    this.#spend();
    const operation = itemAt(this.#keyOperations, number);
    if (!this.#model.allows(this.#state, operation)) return false;
    const unknown = this.#isUnknown(number);
    // What nobody saw the effect of before a Put buries it might as well not have run.
    if (this.#owed && operation.kind === 'put') return false;
    if (unknown && this.#twinWaits(number)) return false;
    if (!this.#mayStand(number)) return false;
    const after = this.#model.after(this.#state, operation);
    const owedBefore = this.#owed;
    this.#push(number, false);
    this.#state = after;
    this.#owed = unknown || (owedBefore && operation.kind === 'append');
    this.#isBuried = this.#unseen.has(number) || (this.#isBuried && operation.kind === 'append');
    if (operation.kind === 'put-hash' && leavesUnknown(operation)) this.#leaveHash(after, operation.value);
    if (this.#left === 0 || (!this.#isDeadEnd(operation.kind) && this.#isNew())) return true;
    this.#pop();
    return false;
  }

  #leaveHash(hash: State, value: string): void {
    this.#hashed.add(hash, this.#states.text(this.#placed.at(-1)?.stateBefore ?? missingState) + value);
    this.#unseenHashes = this.#sources.allHashesShown.has(hash) ? 0 : this.#unseenHashes + 1;
  }

  /** Whether some observation can no longer be made, whatever order follows. */
  #isDeadEnd(last: KeyOperation['kind']): boolean {
    if (this.#unseenHashes >= this.#rules.hashesInARow) return true;
    return (last !== 'append' && this.#isBoundBroken()) || this.#isNextImpossible();
  }

  /** Only a reset can break it for observations that are far away: an Append leaves what they grow out of. */
  #isBoundBroken(): boolean {
    for (const observation of this.#bound) {
      const shown = this.#shows(observation);
      if (shown !== undefined && !this.#states.growsInto(this.#state, shown)) return true;
    }
    return false;
  }

  #isNextImpossible(): boolean {
    let observation = this.#unplaced.observations.after(none);
    for (let seen = 0; seen < observationsAhead && observation !== none; seen += 1) {
      const shown = this.#shows(observation);
      const growsIntoIt = shown === undefined || this.#states.growsInto(this.#state, shown);
      if (!growsIntoIt && !this.#canResetFor(observation, shown)) return true;
      observation = this.#unplaced.observations.after(observation);
    }
    return false;
  }

  /** Whether a write that is still to come and may stand before the observation can leave what grows into it. */
  #canResetFor(observation: number, shown: State): boolean {
    const { end } = itemAt(this.#operations, observation);
    for (
      let number = this.#unplaced.resets.after(none);
      number !== none && this.#call(number) < end;
      number = this.#unplaced.resets.after(number)
    ) {
      const operation = itemAt(this.#keyOperations, number);
      if (number === observation || (operation.kind !== 'put' && operation.kind !== 'put-hash')) continue;
      const can =
        operation.kind === 'put-hash' && operation.leaves === undefined
          ? this.#mayLeaveHashFor(observation, operation.value)
          : this.#states.growsInto(operation.leaves ?? missingState, shown);
      if (can) return true;
    }
    return false;
  }

  /** Whether what an observation shows may have grown out of what a PutHash of `value` leaves. */
  #mayLeaveHashFor(observation: number, value: string): boolean {
    const hashes = itemAt(this.#sources.hashesShown, observation);
    return this.#rules.hashesCollide || this.#hashed.mayBeOf(hashes, value);
  }

  /** Whether this state has not been reached before with the same operations placed, in whatever order. */
  #isNew(): boolean {
    return this.#visited.add(this.#set.key(this.#state, this.#unseenHashes * 2 + Number(this.#owed)));
  }

  #push(operation: number, settled: boolean): void {
    this.#placed.push({
      operation,
      stateBefore: this.#state,
      owedBefore: this.#owed,
      unseenHashesBefore: this.#unseenHashes,
      buriedBefore: this.#isBuried,
      settled,
    });
    this.#set.flip(operation);
    this.#unplaced.take(operation);
    this.#bound.delete(operation);
    for (const dependent of itemAt(this.#sources.dependents, operation)) {
      const left = numberAt(this.#sourcesLeft, dependent) - 1;
      this.#sourcesLeft[dependent] = left;
      if (left === 0 && !this.#set.has(dependent)) this.#bound.add(dependent);
    }
    if (this.#isUnknown(operation)) return;
    this.#left -= 1;
    this.#fewestLeft = Math.min(this.#fewestLeft, this.#left);
  }

  /** Takes the last operation out of its place. */
  #pop(): Placed | undefined {
    const placed = this.#placed.pop();
    if (placed === undefined) return undefined;
    const { operation, stateBefore, owedBefore, unseenHashesBefore, buriedBefore } = placed;
    if (leavesUnknown(itemAt(this.#keyOperations, operation))) this.#hashed.remove(this.#state);
    this.#state = stateBefore;
    this.#owed = owedBefore;
    this.#unseenHashes = unseenHashesBefore;
    this.#isBuried = buriedBefore;
    for (const dependent of itemAt(this.#sources.dependents, operation)) {
      this.#sourcesLeft[dependent] = numberAt(this.#sourcesLeft, dependent) + 1;
      this.#bound.delete(dependent);
    }
    if (this.#isBound(operation)) this.#bound.add(operation);
    this.#set.flip(operation);
    this.#unplaced.putBack(operation);
    if (!this.#isUnknown(operation)) this.#left += 1;
    return placed;
  }

  /** Back to the last place where something else can be tried; what stood there, or undefined if there is no such place. */
  #undo(): number | undefined {
    for (;;) {
      const placed = this.#pop();
      if (!placed?.settled) return placed?.operation;
    }
  }

  /** Of two that nobody knows of whether they ran and that do the same, only the earlier need be the first. */
  #twinWaits(number: number): boolean {
    const twin = itemAt(this.#twins, number);
    return twin !== none && !this.#set.has(twin);
  }

  #isBound(number: number): boolean {
    return (this.#sources.of[number]?.length ?? 0) > 0 && this.#sourcesLeft[number] === 0;
  }

  #shows(number: number): State | undefined {
    return shownBy(itemAt(this.#keyOperations, number));
  }

  #call = (number: number): number => itemAt(this.#operations, number).call;
  #isUnknown = (number: number): boolean => itemAt(this.#operations, number).end === Infinity;

  #spend(): void {
    this.#budget.spend({ bytes: this.#visited.bytes + this.#states.bytes });
  }
}
