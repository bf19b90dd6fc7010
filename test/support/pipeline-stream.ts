import type { Client, ClientDuplexStream, StatusObject } from '@grpc/grpc-js';
import {
  KVServiceService as definition,
  type OperationResult,
  type PipelineRequest,
  type PipelineResponse,
} from '../../gen/synod/kv/v1/kv.js';
import { ErrorInfo } from '../../gen/google/rpc/error_details.js';

/** One operation of a frame, without what it does not need. */
export type FrameOperation = Partial<PipelineRequest['operations'][number]>;

const endLimitMs = 10_000;

/** What came back for one operation. */
type Outcome = OperationResult['result'];

/** One Pipeline stream, frame by frame. */
export class PipelineStream {
  /** The frames that came, in order. */
  readonly frames: PipelineResponse[] = [];
  /** How the stream ended. */
  readonly ended: Promise<StatusObject>;
  readonly #stream: ClientDuplexStream<PipelineRequest, PipelineResponse>;
  readonly #waiting = new Set<() => void>();

  constructor(channel: Client) {
    const { path, requestSerialize, responseDeserialize } = definition.pipeline;
    this.#stream = channel.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, {
      deadline: Date.now() + endLimitMs,
    });
    this.#stream.on('data', (frame: PipelineResponse) => {
      this.frames.push(frame);
      for (const look of this.#waiting) look();
    });
    this.#stream.on('error', () => undefined);
    this.ended = new Promise((resolve) => {
      this.#stream.on('status', (status: StatusObject) => {
        resolve(status);
        for (const look of this.#waiting) look();
      });
    });
  }

  /** Sends one frame. Sequences and tags that are left out are 0. */
  send(
    operations: readonly FrameOperation[],
    session: Partial<Pick<PipelineRequest, 'clientId' | 'acknowledgedThrough'>> = {},
  ): void {
    this.#stream.write({
      clientId: 0,
      acknowledgedThrough: 0,
      ...session,
      operations: operations.map((operation) => ({ tag: 0, sequence: 0, kind: undefined, ...operation })),
    });
  }

  /** Every result so far, in the order of arrival. */
  get results(): readonly OperationResult[] {
    return this.frames.flatMap(({ results }) => results);
  }

  /** Waits for so many results, and answers them by tag. */
  async byTag(count: number): Promise<Map<number, Outcome>> {
    await this.#until(() => this.results.length >= count);
    return new Map(this.results.map(({ tag, result }) => [tag, result]));
  }

  /** Sends no more and waits for the end of the stream. */
  async finish(): Promise<StatusObject> {
    this.#stream.end();
    return this.ended;
  }

  cancel(): void {
    this.#stream.cancel();
  }

  async #until(enough: () => boolean): Promise<void> {
    if (enough()) return;
    let isOver = false;
    void this.ended.then(() => (isOver = true));
    await new Promise<void>((resolve) => {
      const look = () => {
        if (!enough() && !isOver) return;
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
    if (!enough()) throw new Error(`the stream ended after ${this.results.length} results`);
  }
}

/** Code and reason of an operation that failed. */
export function errorOf(outcome: Outcome): {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
} {
  if (outcome?.$case !== 'error') throw new Error(`expected an error, got ${JSON.stringify(outcome)}`);
  const { code, message, details } = outcome.value;
  const [detail] = details;
  return { code, message, reason: detail === undefined ? '' : ErrorInfo.decode(detail.value).reason };
}

export const getOf = (tag: number, key: string): FrameOperation => ({
  tag,
  kind: { $case: 'get', value: { key } },
});

export const writeOf = (
  tag: number,
  sequence: number,
  kind: 'put' | 'append' | 'putHash',
  key: string,
  value: string,
): FrameOperation => ({ tag, sequence, kind: { $case: kind, value: { key, value } } });
