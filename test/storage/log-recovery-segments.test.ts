import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { NoSpaceError } from '../../src/storage/disk.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { segmentName } from '../../src/storage/segment-names.js';
import * as damage from '../support/log-damage.js';
import * as fixture from '../support/log-fixture.js';
import {
  asText,
  recordsOf,
  recoveredLog,
  settled,
  smallSegmentBytes,
  vote,
  votes,
} from '../support/log-fixture.js';
import {
  all,
  expectLasting,
  expectRecords,
  expectRefusal,
  fives,
  refusal,
  threeSegments,
} from '../support/log-states.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';
import { recoveryRows } from './format-page.js';

/** Makes a segment's header say something else, under a right checksum. */
function rewriteHeader(disk: SimulatedDisk, segment: number, change: (sector: Buffer) => void): void {
  const sector = damage.sectorOf(disk, segment, 0);
  change(sector);
  damage.overwriteSector(disk, segment, 0, damage.resealHeader(sector));
}

/** Segments as such. */
const segments: Record<string, () => Promise<void>> = {
  'an all-zero segment behind the last one: it becomes the fresh segment': async () => {
    const disk = await threeSegments();
    expect(await disk.list()).to.include(segmentName(4));
    disk.capacityBytes = disk.usedBytes;
    const { log } = await recoveredLog(disk);
    expect(log.bootCounter).to.equal(2);
    await log.close();
    disk.capacityBytes = Infinity;
    await expectLasting(disk.crash('nothing'), all);
  },

  'a segment with a zero header and anything else behind it: refused': async () => {
    const claimed = await threeSegments();
    claimed.flipBit(segmentName(4), 4095, 7);
    await expectRefusal(claimed, 4, 'its header is all zero, but what follows is not');
    const used = await threeSegments();
    damage.zeroSector(used, 3, 0);
    used.removeFile(segmentName(4));
    await expectRefusal(used, 3, 'its header is all zero, but what follows is not');
  },

  'an all-zero segment before one in use: refused': async () => {
    const disk = await threeSegments();
    disk.overwrite(segmentName(2), 0, new Uint8Array(smallSegmentBytes));
    await expectRefusal(disk, 2, 'its header is all zero, but later segments are in use');
  },

  'a segment header that is neither valid nor zero: refused': async () => {
    for (const segment of [1, 2, 3]) {
      const disk = await threeSegments();
      disk.flipBit(segmentName(segment), 60, 1);
      await expectRefusal(disk, segment, 'at offset 0 stands neither a valid header nor zeros');
    }
  },

  'a segment that is not as long as its header says: refused': async () => {
    for (const segment of [1, 2, 3, 4]) {
      for (const length of [0, 100, 512, 3584, 4095, 4097, 8192]) {
        const disk = await threeSegments();
        disk.cutFile(segmentName(segment), length);
        expect((await refusal(disk)).file).to.equal(segmentName(segment));
      }
    }
  },

  'a missing segment: refused': async () => {
    for (const segment of [1, 2]) {
      const disk = await threeSegments();
      disk.removeFile(segmentName(segment));
      await expectRefusal(disk, segment, `it is missing, and ${segmentName(segment + 1)} goes on from it`);
    }
    const last = await threeSegments();
    last.removeFile(segmentName(3));
    await expectRefusal(last, 4, 'it is claimed ahead, but the last segment in use is 2');
  },

  'no segment in use: refused': async () => {
    await expectRefusal(new SimulatedDisk(seededRandom(1)), 1, 'there is no segment in use');
    const claimedOnly = await threeSegments();
    for (const segment of [1, 2, 3]) claimedOnly.removeFile(segmentName(segment));
    await expectRefusal(claimedOnly, 1, 'there is no segment in use');
  },

  'a segment of another directory or cluster: refused, naming both': async () => {
    const other = new SimulatedDisk(seededRandom(12));
    const { log } = await fixture.createdLog(other, { directoryId: 'f'.repeat(32), clusterId: 'cluster-2' });
    await log.close();
    const disk = await threeSegments();
    disk.overwrite(segmentName(1), 0, other.content(segmentName(1)));
    await expectRefusal(
      disk,
      1,
      `directory ${'f'.repeat(32)} of cluster cluster-2, not of directory ${fixture.directoryId} of cluster cluster-1`,
    );
  },

  'another format version: refused, naming both': async () => {
    const disk = await threeSegments();
    rewriteHeader(disk, 2, (sector) => sector.writeUInt32LE(7, 12));
    await expectRefusal(disk, 2, 'it has format version 7; known is 1. Start it with the version of Synod');
  },
};

/** A file of these bytes that is there, as a crash or somebody left it. */
async function leave(disk: SimulatedDisk, name: string, bytes: Uint8Array): Promise<void> {
  const file = await disk.open(name, { create: true });
  await file.write(0, bytes);
  await file.datasync();
  await file.close();
  await disk.syncDirectory();
}

/** Files that are no part of the log, or are used for it. */
const others: Record<string, () => Promise<void>> = {
  'segments below the lowest that the last frame names: they are removed': async () => {
    const disk = await threeSegments();
    const old = disk.content(segmentName(1));
    const { log } = await recoveredLog(disk);
    await log.dropBelow(7, [vote(100)]);
    await log.close();
    expect(await disk.list()).to.not.include(segmentName(1));
    await leave(disk, segmentName(1), old);
    const next = await expectLasting(disk, [...votes(7, 17), vote(100)]);
    expect(await next.list()).to.not.include(segmentName(1));
    await leave(disk, segmentName(1), fives(700));
    await expectRecords(disk, [...votes(7, 17), vote(100)]);
    expect(await disk.list()).to.not.include(segmentName(1));
  },

  'a segment that the one after it repeats whole: it is removed': async () => {
    const disk = await threeSegments();
    const repeated = disk.content(segmentName(3));
    await recordsOf(disk);
    expect(await disk.list()).to.not.include(segmentName(3));
    await leave(disk, segmentName(3), repeated);
    const next = await expectLasting(disk, all);
    expect(await next.list()).to.not.include(segmentName(3));
    const strange = await threeSegments();
    await recordsOf(strange);
    await leave(strange, segmentName(3), repeated);
    rewriteHeader(strange, 3, (sector) => sector.writeUInt8(1, 48));
    await expectRefusal(strange, 3, 'no later segment goes on from it, and none repeats it');
  },

  'temporary files of the log: they are removed': async () => {
    const disk = await threeSegments();
    for (const name of ['log-0000000005.segment.tmp', 'reserve-1.tmp', 'identity.tmp']) {
      await leave(disk, name, fives(9));
    }
    const { log } = await recoveredLog(disk);
    expect((await disk.list()).filter((name) => name.endsWith('.tmp'))).to.include('identity.tmp');
    for (const name of ['log-0000000005.segment.tmp', 'reserve-1.tmp']) {
      if ((await disk.list()).includes(name)) expect(disk.content(name).includes(5)).to.equal(false);
    }
    await log.close();
    await expectLasting(disk, all);
  },

  'a reserve that is missing or of another size: it is made again': async () => {
    const disk = await threeSegments();
    await leave(disk, 'reserve-2', fives(600));
    const { log, recovered } = await recoveredLog(disk, { reserveSegments: 2 });
    await settled();
    expect(asText(recovered.records)).to.deep.equal(asText(all));
    for (const name of ['reserve-1', 'reserve-2']) {
      expect(disk.content(name)).to.deep.equal(new Uint8Array(smallSegmentBytes));
    }
    await log.close();
  },

  'a full disk: the fresh segment is made of the one claimed ahead, or of the reserve': async () => {
    for (const reserved of [false, true]) {
      const disk = await threeSegments();
      if (reserved) await leave(disk, 'reserve-1', new Uint8Array(smallSegmentBytes));
      if (reserved) disk.removeFile(segmentName(4));
      disk.capacityBytes = disk.usedBytes;
      await expectRecords(disk, all);
      disk.capacityBytes = Infinity;
      await expectLasting(disk.crash('nothing'), all);
    }
    const neither = await threeSegments();
    neither.removeFile(segmentName(4));
    neither.capacityBytes = neither.usedBytes;
    await rejection(recordsOf(neither), NoSpaceError);
    neither.capacityBytes = Infinity;
    await expectLasting(neither, all);
  },
};

const recovery = { ...segments, ...others };

describe('the recovery of the log, segment by segment', () => {
  for (const [row, test] of Object.entries(recovery)) it(row, test);

  it('is what the page on the format says, row by row', () => {
    expect(Object.keys(recovery)).to.have.members(recoveryRows('#### Segments and other files'));
  });

  it('keeps the size of segments that the log was born with', async () => {
    const disk = await threeSegments();
    const { log } = await recoveredLog(disk, { segmentBytes: 65536 });
    await log.append(votes(18, 60));
    await log.close();
    await expectRecords(disk, [...all, ...votes(18, 60)]);
  });

  it('does not make the log grow by itself', async () => {
    const disk = await threeSegments();
    for (let start = 0; start < 20; start += 1) await recordsOf(disk);
    expect((await disk.list()).length).to.be.at.most(4);
    await expectLasting(disk, all);
  });

  it('repeats a long last segment only in its last frame, however often', async () => {
    const disk = await threeSegments([vote(18)], [vote(19)]);
    for (let start = 0; start < 10; start += 1) await recordsOf(disk);
    expect((await disk.list()).filter((name) => name.startsWith('log-')).length).to.be.at.most(5);
    await expectLasting(disk, votes(0, 19));
  });

  it('counts the starts of a directory', async () => {
    const disk = await threeSegments();
    for (const bootCounter of [2, 3, 4]) expect((await recordsOf(disk)).bootCounter).to.equal(bootCounter);
  });

  it('has been preceded by a birth, which refuses a directory with a log', async () => {
    const disk = await threeSegments();
    const { message } = await rejection(fixture.createdLog(disk), StorageDamage);
    expect(message).to.contain('a log is there already');
  });
});
