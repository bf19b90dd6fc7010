import { CallError, toCallError } from '../rpc/call-error.js';
import type { Clock } from '../runtime/clock.js';
import type { Random } from '../runtime/random.js';
import { backoffMs, retryAfterMs } from './backoff.js';
import type { ClientLink } from './client-link.js';
import { Failures } from './failures.js';
import { LeavableLink } from './leavable-link.js';
import type { Route, Turns } from './route.js';
import type { View, ViewLink } from './view-link.js';
import { isAborted } from './within.js';

/**
 * The least time from one request to the view service to the next: twice the rate of the servers' pings, however many
 * calls fail at once.
 */
const askGapMs = 50;

export interface ViewRouteOptions {
  readonly view: ViewLink;
  /** Opens the way to a server that a view names. */
  readonly open: (address: string) => ClientLink;
  /** How long one request to the view service may take. */
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly random: Random;
}

/** The primary of a view. Another view is another place, with the same primary too: what it waited for may be over. */
interface Place {
  readonly viewNumber: number;
  readonly link: LeavableLink;
}

/**
 * The primary that a view service names (seed 003). The view service is asked before the first attempt, and again only
 * after one that failed as another replica might mend; all who wait share one request. What it said last holds until it
 * says something else, also while it does not answer.
 */
export class ViewRoute implements Route {
  readonly failures = new Failures();
  readonly #options: ViewRouteOptions;
  /** Every server that was a primary. */
  readonly #links = new Map<string, LeavableLink>();
  readonly #closing = new AbortController();
  #place: Place | undefined;
  #asking: Promise<void> | undefined;
  #nextAskMs = -Infinity;

  constructor(options: ViewRouteOptions) {
    this.#options = options;
  }

  call(): Turns {
    let tried: Place | undefined;
    let refusals = 0;
    const hasNews = () => this.#place !== undefined && this.#place !== tried;
    return {
      link: () => {
        tried = this.#place;
        if (tried !== undefined) return tried.link;
        return this.#ask().then(() => (tried = this.#place)?.link ?? this.#nobody());
      },
      failed: async (verdict) => {
        const { clock, random } = this.#options;
        if (verdict.kind === 'wait') return retryAfterMs(verdict.ms, random);
        const failedAtMs = clock.now();
        // Who found nobody has just asked.
        if (!hasNews() && tried !== undefined) await this.#ask();
        refusals = hasNews() ? 0 : refusals + 1;
        if (refusals === 0) return 0;
        return Math.max(0, backoffMs(refusals, random) - (clock.now() - failedAtMs));
      },
      answered: () => {
        // What went wrong before would mislead whoever asks why a later call failed.
        if (tried === this.#place) this.failures.clear();
      },
    };
  }

  close(): void {
    this.#closing.abort();
    this.#options.view.close();
    for (const link of this.#links.values()) link.close();
  }

  /** Asks for the view, or waits for the answer that is under way. Never rejects. */
  #ask(): Promise<void> {
    this.#asking ??= this.#askInTurn().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  async #askInTurn(): Promise<void> {
    const { clock, view, timeoutMs } = this.#options;
    const { signal } = this.#closing;
    if (this.#nextAskMs > clock.now()) await clock.sleep(this.#nextAskMs - clock.now(), signal);
    if (isAborted(signal)) return;
    this.#nextAskMs = clock.now() + askGapMs;
    const knowsNothing = this.#place === undefined && this.failures.problemAt(view.address) === undefined;
    if (knowsNothing) this.failures.note(view.address, 'no answer yet');
    try {
      const answer = await view.getView(undefined, { timeoutMs, signal });
      if (!isAborted(signal)) this.#learn(answer);
    } catch (error) {
      this.failures.note(view.address, toCallError(error).message);
    }
  }

  #learn({ number, primary, trouble }: View): void {
    const { address } = this.#options.view;
    const link = primary === undefined ? undefined : this.#linkTo(primary);
    const problem = link === undefined && trouble === '' ? 'there is no view yet' : trouble;
    if (problem === '') this.failures.forget(address);
    else this.failures.note(address, problem);
    if (link !== this.#place?.link) this.#place?.link.leave();
    link?.stay();
    if (link === undefined) this.#place = undefined;
    else if (link !== this.#place?.link || number !== this.#place.viewNumber) {
      this.#place = { viewNumber: number, link };
    }
  }

  #linkTo(address: string): LeavableLink {
    const link = this.#links.get(address) ?? new LeavableLink(address, this.#options.open);
    this.#links.set(address, link);
    return link;
  }

  /** Stands for a primary where there is none: refuses with what the view service said. */
  #nobody(): ClientLink {
    const { address } = this.#options.view;
    const message = this.failures.problemAt(address) ?? 'it names no primary';
    const execute = () =>
      Promise.reject(new CallError({ code: 'UNAVAILABLE', reason: 'NOT_PROPOSED', message }));
    return { address, execute, close: () => undefined };
  }
}
