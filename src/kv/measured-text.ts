import { emptyHash, Hash, type Lanes } from './digest.js';

/**
 * A text with what is known of it, so that adding to its end costs what is added and not what is there.
 * `first` and `second` are the state of its hash, which can be continued.
 */
export interface MeasuredText extends Lanes {
  readonly text: string;
  /** As UTF-8. */
  readonly bytes: number;
}

export const emptyText: MeasuredText = { text: '', bytes: 0, ...emptyHash };

/** `before` with `suffix` at its end. */
export function joined(
  before: MeasuredText,
  suffix: string,
  suffixBytes = Buffer.byteLength(suffix, 'utf8'),
): MeasuredText {
  const { first, second } = new Hash(before).text(suffix);
  return { text: before.text + suffix, bytes: before.bytes + suffixBytes, first, second };
}

export const measured = (text: string): MeasuredText => (text === '' ? emptyText : joined(emptyText, text));

/** Where a slice of at most `limitBytes` UTF-8 bytes from `start` ends, so that no code point is cut. */
export function sliceEnd(text: string, start: number, limitBytes: number): number {
  let end = start;
  for (let bytes = 0; end < text.length;) {
    const codePoint = text.codePointAt(end) ?? 0;
    bytes += codePoint < 0x80 ? 1 : codePoint < 0x800 ? 2 : codePoint < 0x10000 ? 3 : 4;
    if (bytes > limitBytes) break;
    end += codePoint < 0x10000 ? 1 : 2;
  }
  return end;
}
