import type { Random } from '../runtime/random.js';
import { backoffMs, retryAfterMs } from './backoff.js';
import type { ClientLink } from './client-link.js';
import { Failures } from './failures.js';
import type { Route, Turns } from './route.js';
import type { RetryVerdict } from './verdict.js';

/** A fixed list of replicas, tried in turn, beginning with the one that answered last. */
export class EndpointsRoute implements Route {
  readonly failures = new Failures();
  /** The link that answered last. */
  #preferred = 0;

  constructor(
    private readonly links: readonly ClientLink[],
    private readonly random: Random,
  ) {}

  /** Each call takes its own turns: what fails for many at once must not turn too far. */
  call(): Turns {
    let index = this.#preferred;
    let tried = 0;
    return {
      link: () => this.#link(index),
      failed: (verdict) => {
        tried += 1;
        index = this.#next(index, verdict);
        return this.#waitMs(verdict, tried);
      },
      answered: () => {
        this.#preferred = index;
      },
    };
  }

  close(): void {
    for (const link of this.links) link.close();
  }

  #link(index: number): ClientLink {
    const link = this.links[index];
    if (link === undefined) throw new RangeError(`there is no endpoint ${index}`);
    return link;
  }

  /** The replica to try next. */
  #next(index: number, verdict: RetryVerdict): number {
    const { links } = this;
    if (verdict.kind === 'wait') return index;
    const named =
      verdict.kind === 'other-replica' ? links.findIndex(({ address }) => address === verdict.address) : -1;
    return named >= 0 ? named : (index + 1) % links.length;
  }

  /** How long to wait before the next attempt; not at all until every replica has had its turn. */
  #waitMs(verdict: RetryVerdict, tried: number): number {
    const { links, random } = this;
    if (verdict.kind === 'wait') return retryAfterMs(verdict.ms, random);
    const rounds = Math.floor(tried / links.length);
    return rounds === 0 || tried % links.length !== 0 ? 0 : backoffMs(rounds, random);
  }
}
