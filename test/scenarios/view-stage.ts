import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Observed } from './report.js';
import { ViewClerk, type PingForm, type PlainView } from './view-clerk.js';
import { WatchedViewService } from './view-service-watch.js';
import { partOf } from './report.js';

/** One ping interval of the view service. */
const tickMs = 100;

/** A view service and bare clerks that drive it; there are no servers. */
export class ViewStage implements Observed {
  readonly peerCount = 1;
  readonly #clerks: ViewClerk[] = [];
  #operationCount = 0;

  private constructor(
    private readonly directory: string,
    private readonly service: WatchedViewService,
    private readonly form: PingForm,
  ) {}

  /** Runs `body` on a stage of its own and closes it, however that ends. */
  static async with(form: PingForm, body: (stage: ViewStage) => Promise<void>): Promise<void> {
    const stage = await ViewStage.start(form);
    try {
      await body(stage);
    } finally {
      await stage.close();
    }
  }

  static async start(form: PingForm): Promise<ViewStage> {
    const directory = await mkdtemp(join(tmpdir(), 'synod-views-'));
    const service = await WatchedViewService.start(`unix:${join(directory, 'view.sock')}`);
    return new ViewStage(directory, service, form);
  }

  get rpcCount(): number {
    return this.service.rpcCount;
  }

  /** Pings and questions of the clerks so far. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** A clerk that stands for a server. Closed with the stage. */
  clerk(name: string): ViewClerk {
    const called = () => (this.#operationCount += 1);
    const clerk = new ViewClerk({ viewService: this.service.address, name, form: this.form, called });
    this.#clerks.push(clerk);
    return clerk;
  }

  async close(): Promise<void> {
    for (const clerk of this.#clerks) clerk.close();
    await this.service.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** The forms in which the suite runs, and what tells their titles apart. */
export const pingForms: readonly (readonly [PingForm, string])[] = partOf('form of pings', [
  ['plain', ''],
  ['with-incarnation', ', servers say their incarnations'],
]);

/** Does something once in every ping interval, `limit` times at most, or until it answers true. */
export async function eachTick(limit: number, act: () => Promise<unknown>): Promise<void> {
  for (let tick = 0; tick < limit; tick += 1) {
    if ((await act()) === true) return;
    await sleep(tickMs);
  }
}

/** The view is exactly this one, and whoever asks is told so. */
export async function expectView(
  clerk: ViewClerk,
  primary: ViewClerk | undefined,
  backup: ViewClerk | undefined,
  viewNumber: number,
): Promise<void> {
  const expected: PlainView = { viewNumber, primary: primary?.name ?? '', backup: backup?.name ?? '' };
  expect(await clerk.view()).to.deep.equal(expected);
}
