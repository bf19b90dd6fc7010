import { itemAt } from './indexing.js';
import type { KeyOperation } from './model.js';
import { shownBy, type Numbered, type Sources } from './value-sources.js';

/** How far a value has been taken apart that began with one base. */
interface Parsed {
  readonly text: string;
  /** The last operation found in it; undefined if none is certain. */
  readonly last: number | undefined;
}

/** The base of a value that grew on a missing key. */
const missingBase = -1;

/**
 * By operation, those that must stand before it because some answer shows both, in that order. Texts that Appends add are
 * told apart only if none is the beginning of another; if one is, nothing is said. A text that several Appends
 * add names none of them.
 */
export function precedence(
  { keyOperations, states }: Numbered,
  sources: Sources,
): readonly (readonly number[])[] {
  const before: number[][] = keyOperations.map(() => []);
  const appends = appendsByText(keyOperations);
  if (appends === undefined) return before;
  const parser = new Parser(appends, before);
  const shown = keyOperations.flatMap((operation, number) => {
    const state = shownBy(operation);
    const bases = sources.of[number];
    if (state === undefined || bases === undefined) return [];
    return [
      { text: states.text(state), bases: sources.mayBeFirst[number] ? [missingBase, ...bases] : bases },
    ];
  });
  const leftText = (base: number) => {
    const operation = itemAt(keyOperations, base);
    return operation.kind === 'put' || operation.kind === 'put-hash'
      ? states.text(operation.leaves ?? 0)
      : '';
  };
  for (const { text, bases } of shown.sort((one, other) => one.text.length - other.text.length)) {
    const parsed = bases.flatMap((base) => {
      const start = base === missingBase ? '' : leftText(base);
      return parser.parse(base, start, text) ?? [];
    });
    const [only] = parsed;
    if (only !== undefined && parsed.length === 1) parser.learn(only, text);
  }
  return before;
}

/** The Appends that add each text, or undefined if the texts cannot be told apart in a value. */
function appendsByText(keyOperations: readonly KeyOperation[]): Map<string, number[]> | undefined {
  const byText = new Map<string, number[]>();
  for (const [number, operation] of keyOperations.entries()) {
    if (operation.kind !== 'append') continue;
    const numbers = byText.get(operation.suffix);
    if (numbers === undefined) byText.set(operation.suffix, [number]);
    else numbers.push(number);
  }
  const texts = [...byText.keys()].sort();
  const ambiguous = texts.some((text, index) => texts[index + 1]?.startsWith(text) ?? false);
  return ambiguous || byText.has('') ? undefined : byText;
}

interface Segments {
  readonly base: number;
  readonly from: number | undefined;
  /** The Appends behind what was known before, in order; undefined where several add the same. */
  readonly added: readonly (number | undefined)[];
}

class Parser {
  readonly #appends: ReadonlyMap<string, readonly number[]>;
  readonly #lengths: readonly number[];
  readonly #before: number[][];
  readonly #parsed = new Map<number, Parsed>();

  constructor(appends: ReadonlyMap<string, readonly number[]>, before: number[][]) {
    this.#appends = appends;
    this.#lengths = [...new Set([...appends.keys()].map(({ length }) => length))];
    this.#before = before;
  }

  /** What follows the base in a value, or undefined if that is no row of what Appends add. */
  parse(base: number, start: string, text: string): Segments | undefined {
    const known = this.#parsed.get(base);
    const usable = known !== undefined && text.startsWith(known.text);
    const from = usable ? known.last : base === missingBase ? undefined : base;
    const added: (number | undefined)[] = [];
    for (let position = usable ? known.text.length : start.length; position < text.length;) {
      const length = this.#lengths.find((one) => this.#appends.has(text.slice(position, position + one)));
      if (length === undefined) return undefined;
      const numbers = this.#appends.get(text.slice(position, position + length)) ?? [];
      added.push(numbers.length === 1 ? numbers[0] : undefined);
      position += length;
    }
    return { base, from, added };
  }

  learn({ base, from, added }: Segments, text: string): void {
    let last = from;
    for (const number of added) {
      if (number === undefined) continue;
      const before = itemAt(this.#before, number);
      if (last !== undefined && !before.includes(last)) before.push(last);
      last = number;
    }
    this.#parsed.set(base, { text, last });
  }
}
