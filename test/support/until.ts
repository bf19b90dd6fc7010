import { setTimeout as sleep } from 'node:timers/promises';

/** Looks every 20 ms until `look` answers something. @throws Error that says `what` did not come */
export async function until<Value>(
  what: string,
  limitMs: number,
  look: () => Value | undefined | Promise<Value | undefined>,
): Promise<Value> {
  const deadlineMs = performance.now() + limitMs;
  do {
    const value = await look();
    if (value !== undefined) return value;
    await sleep(20);
  } while (performance.now() < deadlineMs);
  throw new Error(`${what}: not within ${limitMs} ms`);
}
