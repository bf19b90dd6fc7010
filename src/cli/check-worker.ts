import { parentPort } from 'node:worker_threads';
import type { History } from '../check/history.js';
import { judgementOn } from './check-judgement.js';

/** What the thread is asked. */
export interface JudgeRequest {
  readonly history: History;
  readonly limitMs: number;
}

/** Of the search, time is what a person waits for; steps alone are no limit. */
const stepLimit = Infinity;

parentPort?.once('message', ({ history, limitMs }: JudgeRequest) => {
  parentPort?.postMessage(judgementOn(history, { stepLimit, time: { clock: performance, limitMs } }));
});
