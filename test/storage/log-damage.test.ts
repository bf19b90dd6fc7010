import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import { zeroSector } from '../support/log-damage.js';
import {
  asText,
  createdLog,
  recordsOf,
  settled,
  smallSegmentBytes,
  vote,
  votes,
} from '../support/log-fixture.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const sectors = smallSegmentBytes / 512;

/** What each frame holds. Segment 1 takes the first six, segment 2 the rest; the last frame is its sectors 4 to 6. */
const frames: readonly (readonly LogRecord[])[] = [
  [logRecord('pin', { replica: 2, payload: Buffer.from('f00d') })],
  [vote(0), vote(1)],
  [logRecord('promise', { slot: 9, round: 4, replica: 3 })],
  [logRecord('floor', { slot: 1 }), logRecord('done', { slot: 1, replica: 1 })],
  [vote(2, 20), logRecord('decided', { slot: 2, round: 3, replica: 2 })],
  [vote(3, 600)],
  votes(4, 5, 50),
  [logRecord('decided-through', { slot: 5 })],
  [vote(6)],
  [vote(7, 1000)],
];
const all = frames.flat();
const withoutLast = frames.slice(0, -1).flat();

async function written(prepare: (disk: SimulatedDisk) => void = () => undefined): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(31));
  prepare(disk);
  const { log } = await createdLog(disk);
  for (const records of frames) {
    await log.append(records);
    await settled(2);
  }
  await settled(5);
  await log.close();
  return disk;
}

type Outcome = 'same' | 'bounded' | 'refused' | 'last frame missing silently';

/** What a damaged log comes to; anything that must never happen is thrown. */
async function outcome(disk: SimulatedDisk): Promise<Outcome> {
  try {
    const { records, damage } = await recordsOf(disk);
    const found = asText(records);
    if (damage !== undefined) {
      const missing = all.filter((record) => !found.includes(asText([record])[0]!));
      const kept = all.filter((record) => !missing.includes(record));
      expect(found).to.deep.equal(asText(kept));
      for (const { slot, kind } of missing) {
        if (kind === 'done' || kind === 'floor' || kind === 'decided-through') continue;
        expect(slot).to.be.within(damage.firstSlot, damage.lastSlot);
      }
      return 'bounded';
    }
    if (found.length === asText(withoutLast).length) {
      expect(found).to.deep.equal(asText(withoutLast));
      return 'last frame missing silently';
    }
    expect(found).to.deep.equal(asText(all));
    return 'same';
  } catch (error) {
    if (error instanceof StorageDamage) return 'refused';
    throw error;
  }
}

const counted = (outcomes: readonly Outcome[]): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const one of outcomes) counts[one] = (counts[one] ?? 0) + 1;
  return counts;
};

describe('a damaged log', () => {
  it('with any one byte changed never gives wrong records, and misses none silently', async function () {
    this.timeout(120_000);
    const whole = await written();
    const random = seededRandom(2);
    const outcomes: Outcome[] = [];
    for (const segment of [1, 2, 3]) {
      for (let byte = 0; byte < smallSegmentBytes; byte += 1) {
        const disk = whole.image();
        disk.flipBit(segmentName(segment), byte, random.below(8));
        const found = await outcome(disk);
        if (found === 'last frame missing silently') throw new Error(`${segmentName(segment)}, byte ${byte}`);
        outcomes.push(found);
      }
    }
    const { same, bounded, refused } = counted(outcomes);
    expect(same, 'padding').to.be.above(1_000);
    expect(bounded, 'records whose slots are known').to.be.above(500);
    expect(refused).to.be.above(5_000);
  });

  it('with any one sector zeroed misses nothing silently but a last frame', async () => {
    const whole = await written();
    const silent: string[] = [];
    for (const segment of [1, 2, 3]) {
      for (let sector = 0; sector < sectors; sector += 1) {
        const disk = whole.image();
        zeroSector(disk, segment, sector);
        const found = await outcome(disk);
        if (found === 'last frame missing silently') silent.push(`${segment}/${sector}`);
      }
    }
    expect(silent, 'the honest limit: a sector of the last frame').to.deep.equal(['2/4', '2/5', '2/6']);
    const gone = whole.image();
    for (const sector of [4, 5, 6]) zeroSector(gone, 2, sector);
    expect(await outcome(gone.image()), 'the honest limit: all of them').to.equal(
      'last frame missing silently',
    );
    zeroSector(gone, 2, 3);
    expect(asText((await recordsOf(gone)).records), 'and any number of frames at the end').to.have.length(
      all.length - 2,
    );
  });

  it('cut to any length is refused', async () => {
    const whole = await written();
    for (const segment of [1, 2, 3]) {
      for (let length = 0; length < smallSegmentBytes; length += 61) {
        const disk = whole.image();
        disk.cutFile(segmentName(segment), length);
        expect(await outcome(disk), `segment ${segment}, ${length} bytes`).to.equal('refused');
      }
    }
  });

  it('with any files removed is refused, unless the last ones in use and what was claimed behind them are gone', async () => {
    const whole = await written();
    const outcomes: Record<string, string> = {};
    for (const removed of ['1', '2', '3', '12', '13', '23', '123']) {
      const disk = whole.image();
      for (const number of removed) disk.removeFile(segmentName(Number(number)));
      const found = await recordsOf(disk).catch((error: unknown) => error);
      if (!(found instanceof StorageDamage)) {
        const { records } = found as { records: LogRecord[] };
        expect(asText(records)).to.deep.equal(asText(all.slice(0, records.length)));
        outcomes[removed] = records.length === all.length ? 'same' : 'the end missing silently';
      }
    }
    expect(outcomes).to.deep.equal({ '3': 'same', '23': 'the end missing silently' });
  });

  for (const how of ['lost', 'misdirected'] as const) {
    it(`by any one ${how} write misses nothing silently but a last frame`, async () => {
      let writes = 0;
      await written((disk) => {
        disk.before = ({ kind }) => void (writes += kind === 'write' ? 1 : 0);
      });
      const outcomes: Outcome[] = [];
      for (let chosen = 1; chosen <= writes; chosen += 1) {
        let count = 0;
        const disk = await written((fresh) => {
          fresh.before = ({ kind }) => {
            if (kind !== 'write') return;
            count += 1;
            if (count !== chosen) return;
            if (how === 'lost') fresh.loseNextWrite();
            else fresh.misdirectNextWrite(3);
          };
        });
        disk.before = undefined;
        outcomes.push(await outcome(disk.crash('everything')));
      }
      const counts = counted(outcomes);
      expect(counts['last frame missing silently'] ?? 0).to.equal(how === 'lost' ? 1 : 0);
      expect(counts['refused']).to.be.above(5);
    });
  }

  it('of another directory gives nothing, even in a single frame', async () => {
    const whole = await written();
    const other = new SimulatedDisk(seededRandom(4));
    const { log } = await createdLog(other, { directoryId: 'e'.repeat(32) });
    for (const records of frames.slice(0, 3)) await log.append(records);
    await log.close();
    const disk = whole.image();
    disk.overwrite(segmentName(1), 3 * 512, other.content(segmentName(1)).subarray(3 * 512, 4 * 512));
    expect(await outcome(disk)).to.equal('refused');
  });
});
