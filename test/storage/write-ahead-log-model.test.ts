import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom, type Random } from '../../src/runtime/random.js';
import { foldHardState, initialHardState } from '../../src/storage/hard-state.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import type { WriteAheadLog } from '../../src/storage/write-ahead-log.js';
import { asText, createdLog, recoveredLog, settled, type TestedLog } from '../support/log-fixture.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const changing = new Set(['write', 'datasync', 'truncate', 'rename', 'remove', 'sync-directory', 'open']);

/** One append as the model sees it: it must survive whole or not at all. */
interface Appended {
  readonly records: readonly LogRecord[];
  acknowledged: boolean;
}

/** What the log must hold: the appends in order, those below `droppedBelow` perhaps gone. */
class Model {
  appends: Appended[] = [];
  droppedBelow = 0;

  /**
   * Holds what came back against it, and takes that for the truth from here on. What comes back ends with a whole
   * append; it may begin in the middle of one that took several segments, of which the first are dropped.
   */
  check(recovered: readonly LogRecord[]): void {
    const found = asText(recovered);
    const last = this.appends.findLastIndex(({ acknowledged }) => acknowledged);
    for (let to = this.appends.length; to > last; to -= 1) {
      const records = this.appends.slice(0, to).flatMap((append) => append.records);
      const gone = records.length - found.length;
      if (gone < 0) break;
      const kept = records.slice(gone);
      if (asText(kept).some((text, index) => text !== found[index])) continue;
      if (!records.slice(0, gone).every((record) => this.#mayBeGone(record))) continue;
      this.appends = [{ records: kept, acknowledged: true }];
      return;
    }
    const counts = this.appends.map(
      ({ records, acknowledged }) => `${records.length}${acknowledged ? '!' : '?'}`,
    );
    throw new Error(`${found.length} records came back that are no stretch of ${counts.join(' ')}`);
  }

  #mayBeGone({ kind, slot }: LogRecord): boolean {
    return kind !== 'vote' || slot < this.droppedBelow;
  }
}

/** Runs one log until the power goes, over and over. */
class Life {
  slot = 0;
  serial = 0;
  readonly model = new Model();

  constructor(private readonly random: Random) {}

  #record(): LogRecord {
    this.serial += 1;
    const kind = (['vote', 'promise', 'decided-through', 'floor', 'vote', 'done'] as const)[
      this.random.below(6)
    ]!;
    this.slot += this.random.below(2);
    const payload = new Uint8Array(kind === 'vote' ? this.random.below(900) : 0).fill(this.random.below(3));
    return logRecord(kind, { slot: this.slot, round: this.serial, replica: 1, payload });
  }

  #append(log: WriteAheadLog, lazily: boolean): void {
    const few = this.random.below(10) > 0;
    const records = Array.from({ length: this.random.below(few ? 4 : 30) }, () => this.#record());
    const appended: Appended = { records, acknowledged: false };
    const done = lazily ? log.appendLazily(records) : log.append(records);
    if (records.length > 0) this.model.appends.push(appended);
    const before = [...this.model.appends];
    done.then(
      () => {
        for (const earlier of lazily ? [appended] : before) earlier.acknowledged = true;
      },
      () => undefined,
    );
  }

  async #cut(log: WriteAheadLog): Promise<void> {
    const below = this.slot - this.random.below(6);
    if (!log.canDrop(below)) return;
    const live = [this.#record(), this.#record()];
    const appended: Appended = { records: live, acknowledged: false };
    this.model.appends.push(appended);
    const before = this.model.droppedBelow;
    this.model.droppedBelow = Math.max(before, below);
    await log.dropBelow(below, live).then(
      () => (appended.acknowledged = true),
      () => undefined,
    );
  }

  async run({ log, clock, failures }: TestedLog): Promise<void> {
    for (let step = 0; step < 60 && failures.length === 0; step += 1) {
      const what = this.random.below(12);
      if (what < 7) this.#append(log, false);
      else if (what < 9) this.#append(log, true);
      else if (what < 10) clock.advance(20);
      else if (what < 11) await this.#cut(log);
      else await log.append([]).catch(() => undefined);
      if (this.random.below(3) === 0) await settled(1 + this.random.below(8));
    }
    await settled();
  }
}

/** Cuts the power at the `at`th change from now; answers the disk that is found then. */
function crashAt(disk: SimulatedDisk, at: number): { next: () => SimulatedDisk } {
  let left = at;
  let found: SimulatedDisk | undefined;
  disk.before = ({ kind }) => {
    if (!changing.has(kind) || found !== undefined) return;
    left -= 1;
    if (left === 0) found = disk.crash();
  };
  return { next: () => (found ??= disk.crash()) };
}

async function live(seed: number): Promise<{ frames: number; lives: number }> {
  const random = seededRandom(seed);
  const life = new Life(random);
  let disk = new SimulatedDisk(random);
  const first = await createdLog(disk, { reserveSegments: 1 });
  await settled();
  let tested: TestedLog = first;
  let frames = 0;
  for (let lives = 0; lives < 6; lives += 1) {
    const crash = crashAt(disk, 1 + random.below(random.below(2) === 0 ? 20 : 250));
    await life.run(tested);
    frames += tested.log.stats.frames;
    disk = crash.next();
    const again = await survivor(disk, random);
    disk = again.disk;
    tested = again.tested;
    life.model.check(again.tested.recovered.records);
    expect(again.tested.recovered.damage).to.equal(undefined);
    checkHardState(
      again.tested.recovered.hardState,
      life.model.appends.flatMap(({ records }) => records),
    );
  }
  await tested.log.close();
  return { frames, lives: 6 };
}

/** A hard state is at least what the records that are left come to. */
function checkHardState(
  { highestRound, floor, decidedThrough }: typeof initialHardState,
  records: readonly LogRecord[],
): void {
  const folded = records.reduce(foldHardState, initialHardState);
  expect(highestRound).to.be.at.least(folded.highestRound);
  expect(floor).to.be.at.least(folded.floor);
  expect(decidedThrough ?? -1).to.be.at.least(folded.decidedThrough ?? -1);
}

/** Recovers; the power may go in the middle of that as well. */
async function survivor(disk: SimulatedDisk, random: Random) {
  for (let attempts = 0; attempts < 3 && random.below(2) === 0; attempts += 1) {
    const crash = crashAt(disk, 1 + random.below(20));
    const attempt = await recoveredLog(disk, { reserveSegments: 1 }).catch(() => undefined);
    const next = crash.next();
    await attempt?.log.close().catch(() => undefined);
    disk = next;
  }
  return { disk, tested: await recoveredLog(disk, { reserveSegments: 1 }) };
}

describe('the write-ahead log, whatever is appended and whenever the power goes', () => {
  it('has every acknowledged append, in order and whole, and nothing that was never appended', async function () {
    this.timeout(60_000);
    let frames = 0;
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.integer()), async (seed) => {
        frames += (await live(seed)).frames;
      }),
      { numRuns: 150 },
    );
    expect(frames, 'frames written in all').to.be.above(5_000);
  });
});
