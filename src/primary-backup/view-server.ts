import type { Clock, Timer } from '../runtime/clock.js';
import type { Logger } from '../runtime/logger.js';
import type { ServerPing, ViewNews } from './messages.js';
import type { ServerAddress, ViewServiceIncarnation } from './names.js';
import { Views } from './view.js';

export interface ViewServerOptions {
  readonly incarnation: ViewServiceIncarnation;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pingIntervalMs: number;
  /** So many intervals without a ping make a server dead. */
  readonly deadPings: number;
}

/** The view service: ticks, takes pings, and answers with the view. It keeps nothing: a restart begins anew (rule R16). */
export class ViewServer {
  readonly #options: ViewServerOptions;
  readonly #views: Views;
  #timer: Timer | undefined;
  #toldTrouble = '';

  constructor(options: ViewServerOptions) {
    this.#options = options;
    this.#views = new Views(options.deadPings);
  }

  get news(): ViewNews {
    const { view, isAcknowledged, isBackupReady, trouble } = this.#views;
    return { view, isAcknowledged, isBackupReady, viewService: this.#options.incarnation, trouble };
  }

  /** Every server that has pinged, in the order of their first pings. */
  get servers(): readonly { readonly address: ServerAddress; readonly isAlive: boolean }[] {
    return this.#views.servers;
  }

  /** Begins to tick. */
  start(): void {
    const { clock, pingIntervalMs } = this.#options;
    this.#timer = clock.timer(pingIntervalMs, () => {
      this.start();
      this.#changed(() => this.#views.tick());
    });
  }

  /** What comes from a server of another view service's views is answered and counts for nothing (rule R16). @throws RangeError */
  handlePing(ping: ServerPing): ViewNews {
    const isOurs = ping.viewService === undefined || ping.viewService === this.#options.incarnation;
    if (isOurs) this.#changed(() => this.#views.ping(ping));
    return this.news;
  }

  close(): void {
    this.#timer?.cancel();
  }

  #changed(change: () => void): void {
    const { logger } = this.#options;
    const { viewNumber } = this.#views.view;
    change();
    const { view, trouble } = this.#views;
    if (view.viewNumber !== viewNumber) logger.info('view', { ...view });
    if (trouble !== this.#toldTrouble && trouble !== '') logger.warn(trouble, {});
    this.#toldTrouble = trouble;
  }
}
