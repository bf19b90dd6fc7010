import { Worker } from 'node:worker_threads';
import type { History } from '../check/history.js';
import type { Judgement } from './check-judgement.js';
import type { JudgeRequest } from './check-worker.js';
import { isSystemError } from './system-error.js';

/** How long the search for an order may take. */
export const judgeLimitMs = 120_000;
/** Of the thread, beyond what the checker itself counts. */
const heapLimitMiB = 4096;

const without = (limit: 'memory' | 'interrupted'): Judgement => ({
  kind: 'unknown',
  limit,
  key: undefined,
  keysJudged: 0,
  steps: 0,
});

/**
 * Judges a history in a thread of its own, so that Ctrl-C is heard while it thinks.
 * @param interrupted ends it without a verdict, if given
 * @throws Error if the checker fails
 */
export async function judge(history: History, interrupted: AbortSignal | undefined): Promise<Judgement> {
  const worker = new Worker(new URL('./check-worker.js', import.meta.url), {
    resourceLimits: { maxOldGenerationSizeMb: heapLimitMiB },
  });
  const request: JudgeRequest = { history, limitMs: judgeLimitMs };
  try {
    return await new Promise<Judgement>((resolve, reject) => {
      const interrupt = () => resolve(without('interrupted'));
      if (interrupted?.aborted) interrupt();
      interrupted?.addEventListener('abort', interrupt, { once: true });
      worker.once('message', (judgement: Judgement) => resolve(judgement));
      worker.once('error', (error) => {
        if (isSystemError(error, 'ERR_WORKER_OUT_OF_MEMORY')) resolve(without('memory'));
        else reject(error);
      });
      worker.once('exit', (code) => reject(new Error(`the checker ended with ${code} and no verdict`)));
      worker.postMessage(request);
    });
  } finally {
    await worker.terminate();
  }
}
