import type { ClientLink } from './client-link.js';
import type { Failures } from './failures.js';
import type { RetryVerdict } from './verdict.js';

/** Where the attempts of all calls of a clerk go. */
export interface Route {
  /** What went wrong on the way; attempts that fail are noted here too. */
  readonly failures: Failures;
  /** The turns of a new call. */
  call(): Turns;
  /** Ends every link, and whatever a call may still wait for. */
  close(): void;
}

/** Where the attempts of one call go, one after the other. What is a promise never rejects. */
export interface Turns {
  /** The way of the next attempt. If nobody is known who could take it, attempts on it are refused with the reason. */
  link(): ClientLink | Promise<ClientLink>;
  /** The last attempt failed, which another one may mend. Answers how many milliseconds to wait before that. */
  failed(verdict: RetryVerdict): number | Promise<number>;
  /** The last attempt was answered, if only with a refusal. */
  answered(): void;
}
