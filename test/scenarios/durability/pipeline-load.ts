import type { Client, ClientDuplexStream } from '@grpc/grpc-js';
import {
  KVServiceService as service,
  type PipelineRequest,
  type PipelineResponse,
} from '../../../gen/synod/kv/v1/kv.js';
import { parseAddress } from '../../../src/rpc/address.js';
import { openChannel } from '../../../src/rpc/channel.js';

export interface Entry {
  readonly key: string;
  readonly value: string;
}

export interface PipelineLoad {
  /** Names the replica to write through, at the beginning and after each failure: the leader may have changed. */
  readonly writer: () => Promise<string>;
  readonly entries: Iterable<Entry>;
  /** Operations in one frame. */
  readonly frameOperations: number;
  /** Frames under way at once. */
  readonly frames: number;
  /** Told how many puts have been answered, after each answer. */
  readonly answered?: (count: number) => void;
}

/** So many failures in a row, with nothing put in between. */
const maximumFailures = 20;

/**
 * Puts all entries, many under way at once. A put that fails, or whose stream ends, is put again through whoever is named
 * then; the entries of a load stand for themselves, so that a second put of one does no harm.
 * @throws Error after twenty failures in a row
 */
export async function putAll(load: PipelineLoad): Promise<void> {
  let [answered, failures] = [0, 0];
  let waiting = load.entries;
  for (;;) {
    const stream = new LoadStream(await load.writer(), { ...load, entries: waiting }, (count) => {
      answered += count;
      load.answered?.(answered);
    });
    const before = answered;
    const failure = await stream.run();
    if (failure === undefined) return;
    failures = answered > before ? 1 : failures + 1;
    console.log(`    put again after: ${failure.message}`);
    if (failures === maximumFailures) throw failure;
    waiting = stream.unanswered();
  }
}

/** Puts entries through one replica until all are answered or one fails. */
class LoadStream {
  readonly #load: Pick<PipelineLoad, 'frameOperations' | 'frames'>;
  readonly #waiting: Iterator<Entry>;
  readonly #answered: (count: number) => void;
  readonly #channel: Client;
  readonly #stream: ClientDuplexStream<PipelineRequest, PipelineResponse>;
  /** What was sent and is not answered, by its tag. */
  readonly #underWay = new Map<number, Entry>();
  #sent = 0;

  constructor(
    address: string,
    load: Pick<PipelineLoad, 'entries' | 'frameOperations' | 'frames'>,
    answered: (count: number) => void,
  ) {
    this.#load = load;
    this.#waiting = load.entries[Symbol.iterator]();
    this.#answered = answered;
    this.#channel = openChannel(parseAddress(address), { between: 'client-and-replica' });
    const { path, requestSerialize, responseDeserialize } = service.pipeline;
    this.#stream = this.#channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize);
  }

  /** Answers what failed, if not all was put. */
  run(): Promise<Error | undefined> {
    return new Promise<Error | undefined>((resolve) => {
      this.#stream.on('error', resolve);
      this.#stream.on('end', () => {
        resolve(this.#underWay.size === 0 ? undefined : new Error('the stream ended early'));
      });
      this.#stream.on('data', ({ results }: PipelineResponse) => {
        const failure = this.#take(results);
        if (failure !== undefined) resolve(failure);
        else if (!this.#fill()) this.#stream.end();
      });
      if (!this.#fill()) this.#stream.end();
    }).finally(() => {
      this.#stream.removeAllListeners('data');
      this.#stream.cancel();
      this.#channel.close();
    });
  }

  *unanswered(): Generator<Entry> {
    yield* this.#underWay.values();
    for (;;) {
      const next = this.#waiting.next();
      if (next.done === true) return;
      yield next.value;
    }
  }

  #take(results: PipelineResponse['results']): Error | undefined {
    const before = this.#underWay.size;
    const failed = results.find(({ result }) => result?.$case !== 'put');
    for (const { tag, result } of results) if (result?.$case === 'put') this.#underWay.delete(tag);
    this.#answered(before - this.#underWay.size);
    return failed && new Error(`a put was answered ${JSON.stringify(failed.result)}`);
  }

  /** Sends frames while there is room for them. Answers whether anything is under way. */
  #fill(): boolean {
    const { frameOperations, frames } = this.#load;
    while (this.#underWay.size <= frameOperations * (frames - 1) && this.#sendFrame());
    return this.#underWay.size > 0;
  }

  #sendFrame(): boolean {
    const operations: PipelineRequest['operations'] = [];
    while (operations.length < this.#load.frameOperations) {
      const next = this.#waiting.next();
      if (next.done === true) break;
      this.#sent += 1;
      this.#underWay.set(this.#sent, next.value);
      operations.push({ tag: this.#sent, sequence: 0, kind: { $case: 'put', value: { ...next.value } } });
    }
    if (operations.length > 0) this.#stream.write({ clientId: 0, acknowledgedThrough: 0, operations });
    return operations.length > 0;
  }
}
