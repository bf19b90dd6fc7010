import { createHash, type Hash } from 'node:crypto';

/** Lines are gathered until they are this long together: hashing many short ones one by one costs more. */
const pieceLength = 16_384;

/** The hash of everything that happens in a simulated world, in order: every message, record and timer. */
export class TraceHash {
  readonly #hash: Hash = createHash('sha256');
  #pending = '';
  /** Told of each line, to be printed. */
  readonly #line: ((line: string) => void) | undefined;

  constructor(line?: (line: string) => void) {
    this.#line = line;
  }

  add(line: string): void {
    this.#line?.(line);
    this.#pending += `${line}\n`;
    if (this.#pending.length >= pieceLength) this.#flush();
  }

  /** The hash so far, in hexadecimal digits. */
  digest(): string {
    this.#flush();
    return this.#hash.copy().digest('hex');
  }

  #flush(): void {
    // One byte a character: bytes in messages are written so, and other characters keep their lower halves.
    this.#hash.update(this.#pending, 'latin1');
    this.#pending = '';
  }
}

/** What a message says, bytes and maps included, as one line of text. */
export function traceText(value: unknown): string {
  if (value instanceof Uint8Array) {
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1');
  }
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (value instanceof Map) return traceText([...value]);
  if (Array.isArray(value)) return `[${value.map(traceText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  let text = '{';
  for (const [name, field] of Object.entries(value)) text += `${name}:${traceText(field)},`;
  return `${text}}`;
}
