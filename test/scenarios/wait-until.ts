import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 5;

/** Looks every few milliseconds until `condition` holds; throws, naming `what`, when it has not within `limitMs`. */
export async function waitUntil(what: string, limitMs: number, condition: () => boolean): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(pollMs);
  }
}
