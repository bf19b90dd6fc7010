import { setTimeout as sleep } from 'node:timers/promises';

/** A call that is under way while the test goes on. */
export class PendingCall<Value> {
  isSettled = false;

  constructor(private readonly call: Promise<Value>) {
    const settle = () => (this.isSettled = true);
    call.then(settle, settle);
  }

  /** @throws Error if the call takes longer, or its own */
  async within(limitMs: number, name: string): Promise<Value> {
    const over = new AbortController();
    const overdue = sleep(limitMs, undefined, { signal: over.signal }).then(() => {
      throw new Error(`${name} has not returned within ${limitMs} ms`);
    });
    try {
      return await Promise.race([this.call, overdue]);
    } finally {
      over.abort();
      overdue.catch(() => undefined);
    }
  }
}
