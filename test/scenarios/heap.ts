import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What the process holds after garbage was collected twice, in bytes: the heap and what is kept outside of it,
 * where the bytes of values are. Node has to run with `--expose-gc`.
 */
export async function settledHeapBytes(): Promise<number> {
  if (globalThis.gc === undefined) throw new Error('run node with --expose-gc');
  for (let collection = 0; collection < 2; collection += 1) {
    // Buffers of messages just sent are let go of by the turns that follow.
    await sleep(50);
    globalThis.gc();
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
