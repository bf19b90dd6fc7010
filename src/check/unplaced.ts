import { itemAt } from './indexing.js';
import type { KeyOperation } from './model.js';
import { none, OperationList } from './operation-list.js';
import { inOrderOfAnswers, type TimedOperation } from './timed-operations.js';

/** The operations that have no place in the order yet, by what a search asks for. By call, but for ends and observations. */
export class Unplaced {
  /** Answered ones. */
  readonly gets: OperationList;
  readonly writes: OperationList;
  /** Of these, those whose texts no answer shows. */
  readonly unseenWrites: OperationList;
  /** Those of unknown outcome. */
  readonly unknown: OperationList;
  /** Answered ones, by end. */
  readonly ends: OperationList;
  /** Of these, those that show the value. */
  readonly observations: OperationList;
  /** Writes whose effect does not grow out of the value before. */
  readonly resets: OperationList;
  readonly #operations: readonly TimedOperation[];
  /** By operation, the lists it is in. */
  readonly #listsOf: readonly (readonly OperationList[])[];

  /** @param unseen the writes whose texts no answer shows */
  constructor(
    operations: readonly TimedOperation[],
    keyOperations: readonly KeyOperation[],
    unseen: ReadonlySet<number>,
  ) {
    this.#operations = operations;
    const numbers = operations.map((_operation, number) => number);
    const kindOf = (number: number) => itemAt(keyOperations, number).kind;
    const isAnswered = (number: number) => itemAt(operations, number).end !== Infinity;
    const answered = numbers.filter(isAnswered);
    const numberOf = new Map(operations.map((operation, number) => [operation, number]));
    const byEnd = inOrderOfAnswers(operations).flatMap((operation) => numberOf.get(operation) ?? []);
    const lists = numbers.map((): OperationList[] => []);
    const list = (members: readonly number[]): OperationList => {
      const made = new OperationList(operations.length, members);
      for (const member of members) itemAt(lists, member).push(made);
      return made;
    };
    this.gets = list(answered.filter((number) => kindOf(number) === 'get'));
    this.writes = list(answered.filter((number) => kindOf(number) !== 'get'));
    this.unseenWrites = list(answered.filter((number) => unseen.has(number)));
    this.unknown = list(numbers.filter((number) => !isAnswered(number)));
    this.ends = list(byEnd);
    this.observations = list(byEnd.filter((number) => ['get', 'put-hash'].includes(kindOf(number))));
    this.resets = list(numbers.filter((number) => ['put', 'put-hash'].includes(kindOf(number))));
    this.#listsOf = lists;
  }

  /** Whatever was called before this may have the next place. */
  get firstEnd(): number {
    const first = this.ends.after(none);
    return first === none ? Infinity : itemAt(this.#operations, first).end;
  }

  take(number: number): void {
    for (const list of itemAt(this.#listsOf, number)) list.take(number);
  }

  /** Undoes the last `take` that is not undone yet, which was of this operation. */
  putBack(number: number): void {
    for (const list of itemAt(this.#listsOf, number)) list.putBack(number);
  }
}
