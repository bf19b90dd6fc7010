import { expect } from 'chai';
import { logRecord } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import * as damage from '../support/log-damage.js';
import { asText, recordsOf, recoveredLog, settled, vote, votes } from '../support/log-fixture.js';
import { all, expectLasting, expectRefusal, fives, threeSegments, valueAt18 } from '../support/log-states.js';
import type { SimulatedDisk } from '../../src/sim/simulated-disk.js';
import { recoveryRows } from './format-page.js';

/** Makes a frame of one sector say something else, under right checksums. */
function rewriteFrame(
  disk: SimulatedDisk,
  segment: number,
  sector: number,
  change: (frame: Buffer) => void,
): void {
  const frame = damage.sectorOf(disk, segment, sector);
  change(frame);
  damage.overwriteSector(disk, segment, sector, damage.resealFrame(frame));
}

/** What crashes leave behind the last valid frame, and what is not a crash's doing. */
const tail: Record<string, () => Promise<void>> = {
  'valid frames to the end and zeros behind them: every record is returned': async () => {
    await expectLasting(await threeSegments(), all);
    await expectLasting(await threeSegments([vote(18, 1200)]), [...all, vote(18, 1200)]);
  },

  'a last frame that no sync is known to have covered: it counts, and is durable again before recovery returns':
    async () => {
      const disk = await threeSegments();
      const first = await recoveredLog(disk);
      await settled();
      disk.failNextSync(new Error('the platter is gone'), undefined, 'nothing');
      await first.log.append([vote(18)]).catch(() => undefined);
      await first.log.close();
      expect(first.failures).to.have.length(1);
      const { log, recovered } = await recoveredLog(disk);
      const atOnce = disk.crash('nothing');
      await log.close().catch(() => undefined);
      expect(asText(recovered.records)).to.deep.equal(asText([...all, vote(18)]));
      await expectLasting(atOnce, [...all, vote(18)]);
    },

  'a last frame whose first sector is zero and the others are not: it is cut: nobody was told of it':
    async () => {
      const disk = await threeSegments([valueAt18(fives(1000))]);
      damage.zeroSector(disk, 3, 5);
      await expectLasting(disk, all);
    },

  'a last frame with a good header, bad records and a zero sector that is not its own: it is cut: nobody was told of it':
    async () => {
      const value = fives(1300);
      value.fill(0, 340, 900);
      for (const sector of [6, 7]) {
        const disk = await threeSegments([valueAt18(sector === 6 ? fives(1300) : value)]);
        damage.zeroSector(disk, 3, sector);
        await expectLasting(disk, all);
      }
    },

  'a last frame with a good header, bad records and no zero sector but its own: refused': async () => {
    for (const value of [fives(1300), fives(1300).fill(0, 340, 900)]) {
      const disk = await threeSegments([valueAt18(value)]);
      damage.spoilRecords(disk, 3, 5);
      await expectRefusal(disk, 3, 'at offset 2560 is frame 19 damaged; it is the last one');
    }
    const last = await threeSegments();
    damage.spoilRecords(last, 3, 4);
    await expectRefusal(last, 3, 'is frame 18 damaged');
  },

  'a zero sector where a frame is due and a valid frame behind it: refused': async () => {
    for (const sector of [1, 3]) {
      const disk = await threeSegments();
      damage.zeroSector(disk, 3, sector);
      await expectRefusal(disk, 3, `at offset ${sector * 512} is no valid frame, but frame`);
    }
    const early = await threeSegments();
    damage.zeroSector(early, 1, 3);
    await expectRefusal(early, 1, 'at offset 1536 stands neither a frame nor the end of the log');
    const misdirected = await threeSegments();
    damage.overwriteSector(misdirected, 3, 6, damage.sectorOf(misdirected, 3, 4));
    damage.zeroSector(misdirected, 3, 4);
    await expectRefusal(misdirected, 3, 'but frame 18 follows at offset 3072');
  },

  'neither a frame nor zeros where a frame is due: refused': async () => {
    for (const [segment, sector] of [
      [3, 5],
      [3, 2],
      [1, 7],
    ] as const) {
      const disk = await threeSegments();
      disk.flipBit(segmentName(segment), sector * 512 + 9, 0);
      await expectRefusal(disk, segment, `at offset ${sector * 512} stands neither a frame nor the end`);
    }
    const behindTorn = await threeSegments([valueAt18(fives(600))]);
    damage.zeroSector(behindTorn, 3, 6);
    behindTorn.flipBit(segmentName(3), 7 * 512 + 100, 2);
    await expectRefusal(behindTorn, 3, 'behind it stands something that is not zero');
  },

  'a frame whose LSN or predecessor is not the one due: refused': async () => {
    const repeated = await threeSegments();
    damage.overwriteSector(repeated, 3, 4, damage.sectorOf(repeated, 3, 3));
    await expectRefusal(repeated, 3, 'stands frame 17 where frame 18 belongs');
    const forked = await threeSegments();
    rewriteFrame(forked, 3, 4, (frame) => frame.writeUInt32LE(1, 24));
    await expectRefusal(forked, 3, 'stands frame 18, which does not follow the frame before it');
    const parted = await threeSegments();
    rewriteFrame(parted, 2, 7, (frame) => frame.writeUInt8(77, 200));
    await expectRefusal(
      parted,
      2,
      'it ends with frame 14, and log-0000000003.segment does not go on from that',
    );
  },
};

/** Damaged frames that a valid one follows. */
const bounded: Record<string, () => Promise<void>> = {
  'an earlier frame with bad records and a good header that bounds its slots: its slots are told as damaged, all other records are returned':
    async () => {
      const disk = await threeSegments();
      damage.spoilRecords(disk, 1, 7);
      damage.spoilRecords(disk, 3, 2);
      for (let start = 0; start < 3; start += 1) {
        const { records, damage: found, hardState } = await recordsOf(disk);
        expect(found).to.deep.equal({ firstSlot: 6, lastSlot: 15 });
        expect(asText(records)).to.deep.equal(asText(all.filter(({ slot }) => slot !== 6 && slot !== 15)));
        expect(hardState.highestRound).to.equal(18);
      }
    },

  'an earlier frame with bad records and a header that names no slots or irreparable records: refused':
    async () => {
      for (const kind of ['pin', 'floor', 'range-promise', 'truncate'] as const) {
        const votes18 = kind === 'floor' ? [] : [vote(18)];
        const disk = await threeSegments(
          [logRecord(kind, { slot: 3, payload: fives(20) }), ...votes18],
          [vote(19)],
        );
        damage.spoilRecords(disk, 3, 5);
        const why = kind === 'floor' ? 'no slots that would bound' : 'records that nothing makes good';
        await expectRefusal(disk, 3, why);
      }
    },

  'the last segment without a frame: the log ends with the segment before it': async () => {
    const disk = await threeSegments();
    for (let sector = 1; sector < 5; sector += 1) damage.zeroSector(disk, 3, sector);
    await expectLasting(disk, votes(0, 13));
    const spoiled = await threeSegments();
    for (let sector = 1; sector < 5; sector += 1) damage.zeroSector(spoiled, 3, sector);
    damage.spoilRecords(spoiled, 2, 7);
    await expectRefusal(spoiled, 2, 'is damaged, and no frame follows it');
  },

  'a transaction without its end: none of its records is returned, then or later': async () => {
    const disk = await threeSegments();
    const { log } = await recoveredLog(disk);
    const synced: SimulatedDisk[] = [];
    disk.before = ({ kind }) => {
      if (kind === 'write') synced.push(disk.image());
    };
    await log.append([logRecord('floor', { slot: 70 }), ...votes(18, 120)]);
    await log.close();
    const next = synced.at(-2)!;
    const { lastLsn, hardState } = await recordsOf(next.image());
    expect(lastLsn).to.be.above(20);
    expect(hardState.floor).to.equal(0);
    await expectLasting(next, all);
  },

  'a record kind that is not known: refused, naming both': async () => {
    const disk = await threeSegments();
    rewriteFrame(disk, 3, 4, (frame) => frame.writeUInt32LE(99, 128));
    await expectRefusal(disk, 3, 'record kind 99 is unknown; known are 1 to 14. Start it with the version');
  },
};

const recovery = { ...tail, ...bounded };

describe('the recovery of the log, frame by frame', () => {
  for (const [row, test] of Object.entries(recovery)) it(row, test);

  it('is what the page on the format says, row by row', () => {
    expect(Object.keys(recovery)).to.have.members(recoveryRows('#### Frames'));
  });
});
