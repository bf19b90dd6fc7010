import { expect } from 'chai';
import { StorageDamage } from '../../src/storage/errors.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import { atEveryCrash } from '../support/crash-points.js';
import { writeThreeSegments, zeroSector } from '../support/log-damage.js';
import { asText, createdLog, recordsOf, recoveredLog, settled, vote, votes } from '../support/log-fixture.js';
import type { SimulatedDisk } from '../../src/sim/simulated-disk.js';

/** Starts the log of a directory and ends it again. */
async function start(disk: SimulatedDisk): Promise<void> {
  const { log } = await recoveredLog(disk, { reserveSegments: 1 });
  await settled(5);
  await log.close();
}

async function expectTexts(disk: SimulatedDisk, expected: readonly LogRecord[]): Promise<void> {
  for (let starts = 0; starts < 2; starts += 1) {
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText(expected));
  }
}

describe('the write-ahead log, with the power cut before every single operation', () => {
  const states: Record<string, { prepare: (disk: SimulatedDisk) => Promise<void>; records: LogRecord[] }> = {
    'of a short last segment': { prepare: (disk) => writeThreeSegments(disk), records: votes(0, 17) },
    'of a long last segment': {
      prepare: (disk) => writeThreeSegments(disk, [[vote(18)], [vote(19)]]),
      records: votes(0, 19),
    },
    'of a torn last frame': {
      prepare: async (disk) => {
        await writeThreeSegments(disk, [[vote(18, 1000)]]);
        zeroSector(disk, 3, 6);
      },
      records: votes(0, 17),
    },
    'of a log without a claimed segment': {
      prepare: async (disk) => {
        await writeThreeSegments(disk);
        disk.removeFile(segmentName(4));
      },
      records: votes(0, 17),
    },
    'on a full disk, out of the reserve': {
      prepare: async (disk) => {
        await writeThreeSegments(disk);
        await start(disk);
        disk.removeFile(segmentName(5));
        disk.capacityBytes = disk.usedBytes;
      },
      records: votes(0, 17),
    },
    'of a log that has no frames yet': {
      prepare: async (disk) => {
        const { log } = await createdLog(disk);
        await log.close();
      },
      records: [],
    },
    'of a log that was being cut': {
      prepare: async (disk) => {
        await writeThreeSegments(disk);
        const old = disk.content(segmentName(1));
        const { log } = await recoveredLog(disk);
        await log.dropBelow(7, [vote(100)]);
        await log.close();
        const file = await disk.open(segmentName(1), { create: true });
        await file.write(0, old);
        await file.close();
      },
      records: [...votes(7, 17), vote(100)],
    },
  };

  for (const [state, { prepare, records }] of Object.entries(states)) {
    it(`recovers to the same records when the recovery ${state} is cut short`, async () => {
      const points = await atEveryCrash({
        prepare: async (disk) => {
          await prepare(disk);
          await settled(2);
        },
        act: start,
        check: async (disk) => {
          disk.capacityBytes = state.includes('full') ? disk.capacityBytes : Infinity;
          await expectTexts(disk, records);
        },
      });
      expect(points).to.be.above(20);
    });
  }

  it('recovers to the same records when it is cut, before and after what is dropped is', async () => {
    const live = [vote(100), logRecord('promise', { slot: 3, round: 9 })];
    const points = await atEveryCrash({
      prepare: (disk) => writeThreeSegments(disk),
      act: async (disk) => {
        const { log } = await recoveredLog(disk);
        await log.dropBelow(14, live);
        await log.close();
      },
      check: async (disk, ended) => {
        const found = asText((await recordsOf(disk)).records);
        const dropped = asText([...votes(14, 17), ...live]);
        const kept = asText([...votes(0, 17), ...live]);
        const before = asText(votes(0, 17));
        expect(ended ? [dropped] : [dropped, kept, before]).to.deep.include(found);
        await expectSame(disk, found);
      },
    });
    expect(points).to.be.above(30);
  });

  it('never has a log that is half born', async () => {
    const points = await atEveryCrash({
      prepare: () => Promise.resolve(),
      act: async (disk) => {
        const { log } = await createdLog(disk);
        await log.append([vote(0)]);
        await log.close();
      },
      check: async (disk, ended) => {
        const found = await recordsOf(disk).catch((error: unknown) => error);
        if (found instanceof StorageDamage) {
          expect(ended).to.equal(false);
          expect(found.problem).to.equal('there is no segment in use');
          expect((await disk.list()).filter((name) => name.endsWith('.segment'))).to.deep.equal([]);
          return;
        }
        await expectOneOf(disk, ended ? [[vote(0)]] : [[], [vote(0)]]);
      },
    });
    expect(points).to.be.above(15);
  });

  it('has an append of many frames whole or not at all', async () => {
    const long = votes(1, 40);
    await atEveryCrash({
      prepare: async (disk) => {
        const { log } = await createdLog(disk);
        await log.append([vote(0)]);
        await log.close();
      },
      act: async (disk) => {
        const { log } = await recoveredLog(disk);
        await log.append(long);
        await log.close();
      },
      check: (disk, ended) =>
        expectOneOf(disk, ended ? [[vote(0), ...long]] : [[vote(0)], [vote(0), ...long]]),
    });
  });
});

async function expectSame(disk: SimulatedDisk, texts: readonly string[]): Promise<void> {
  const { log, recovered } = await recoveredLog(disk);
  expect(asText(recovered.records)).to.deep.equal(texts);
  await log.append([vote(200)]);
  await log.close();
  expect(asText((await recordsOf(disk)).records)).to.deep.equal([...texts, ...asText([vote(200)])]);
}

async function expectOneOf(disk: SimulatedDisk, expected: readonly (readonly LogRecord[])[]): Promise<void> {
  const found = asText((await recordsOf(disk)).records);
  expect(expected.map(asText)).to.deep.include(found);
  await expectSame(disk, found);
}
