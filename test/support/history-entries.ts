import type { HistoryEntry } from '../../src/check/history.js';

/** A call and its answer, or its call alone if nobody knows how it ended. */
type Times = readonly [calledAt: number, answeredAt?: number];

const ended = ([, at]: Times, answer: Extract<HistoryEntry['end'], { kind: 'answered' }>['answer']) =>
  at === undefined ? ({ kind: 'unknown' } as const) : ({ kind: 'answered', at, answer } as const);

/** A client whose operations are written down in the words of a test. */
export class ToldClient {
  readonly #client: string;
  readonly #key: string;

  constructor(client: string, key = 'k') {
    this.#client = client;
    this.#key = key;
  }

  on(key: string): ToldClient {
    return new ToldClient(this.#client, key);
  }

  /** @param seen undefined if the key was missing */
  get(seen: string | undefined, ...times: Times): HistoryEntry {
    const answer = { kind: 'get', value: seen ?? '', found: seen !== undefined } as const;
    return this.#entry({ kind: 'get', key: this.#key }, times, ended(times, answer));
  }

  put(value: string, ...times: Times): HistoryEntry {
    return this.#entry({ kind: 'put', key: this.#key, value }, times, ended(times, { kind: 'put' }));
  }

  append(value: string, ...times: Times): HistoryEntry {
    return this.#entry({ kind: 'append', key: this.#key, value }, times, ended(times, { kind: 'append' }));
  }

  putHash(value: string, previousValue: string, ...times: Times): HistoryEntry {
    const end = ended(times, { kind: 'put-hash', previousValue });
    return this.#entry({ kind: 'put-hash', key: this.#key, value }, times, end);
  }

  #entry(operation: HistoryEntry['operation'], [calledAt]: Times, end: HistoryEntry['end']): HistoryEntry {
    return { client: this.#client, operation, calledAt, end };
  }
}
