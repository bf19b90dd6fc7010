import type { ClientDuplexStream } from '@grpc/grpc-js';
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
  readonly address: string;
  readonly entries: Iterable<Entry>;
  /** Operations in one frame. */
  readonly frameOperations: number;
  /** Frames under way at once. */
  readonly frames: number;
  /** Told how many puts have been answered, after each answer. */
  readonly answered?: (count: number) => void;
}

/** Puts entries through one replica, many under way at once; each must succeed. */
export function putAll(load: PipelineLoad): Promise<void> {
  const channel = openChannel(parseAddress(load.address), { between: 'client-and-replica' });
  const { path, requestSerialize, responseDeserialize } = service.pipeline;
  const stream: ClientDuplexStream<PipelineRequest, PipelineResponse> = channel.makeBidiStreamRequest(
    path,
    requestSerialize,
    responseDeserialize,
  );
  const waiting = load.entries[Symbol.iterator]();
  let [sent, answered] = [0, 0];
  const sendFrame = () => {
    const operations: PipelineRequest['operations'] = [];
    while (operations.length < load.frameOperations) {
      const next = waiting.next();
      if (next.done === true) break;
      sent += 1;
      operations.push({ tag: sent, sequence: 0, kind: { $case: 'put', value: { ...next.value } } });
    }
    if (operations.length > 0) stream.write({ clientId: 0, acknowledgedThrough: 0, operations });
  };
  return new Promise<void>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('end', () => (answered === sent ? resolve() : reject(new Error('the stream ended early'))));
    stream.on('data', ({ results }: PipelineResponse) => {
      for (const { result } of results) {
        if (result?.$case !== 'put') reject(new Error(`a put was answered ${JSON.stringify(result)}`));
      }
      answered += results.length;
      load.answered?.(answered);
      while (sent - answered <= load.frameOperations * (load.frames - 1)) {
        const before = sent;
        sendFrame();
        if (sent === before) break;
      }
      if (answered === sent) stream.end();
    });
    for (let frame = 0; frame < load.frames; frame += 1) sendFrame();
  }).finally(() => {
    stream.cancel();
    channel.close();
  });
}
