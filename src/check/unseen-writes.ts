import { shownBy, type Numbered } from './value-sources.js';

/** Cannot be the beginning or the end of a text that somebody writes by accident; if it is, less is left out. */
const separator = '\u0000';

/**
 * The Puts and Appends whose text no answer shows: nothing can be observed from where one of them runs to the next Put.
 * A PutHash that nobody saw the answer of may still have hashed them.
 */
export function unseenWrites({ keyOperations, states }: Numbered): ReadonlySet<number> {
  const shown = new Set(
    keyOperations.flatMap((operation) => {
      const state = shownBy(operation);
      return state === undefined ? [] : [states.text(state)];
    }),
  );
  const text = withoutBeginnings([...shown]).join(separator);
  const isUnseen = (written: string) => !text.includes(written);
  return new Set(
    keyOperations.flatMap((operation, number) => {
      switch (operation.kind) {
        case 'put':
          return isUnseen(states.text(operation.leaves)) ? [number] : [];
        case 'append':
          return isUnseen(operation.suffix) ? [number] : [];
        default:
          return [];
      }
    }),
  );
}

/** What another text begins with shows nothing more than that. */
function withoutBeginnings(texts: readonly string[]): string[] {
  const sorted = texts.toSorted();
  return sorted.filter((text, index) => !(sorted[index + 1]?.startsWith(text) ?? false));
}
