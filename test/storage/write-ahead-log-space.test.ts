import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { NoSpaceError } from '../../src/storage/disk.js';
import { StorageFailure } from '../../src/storage/errors.js';
import { segmentName } from '../../src/storage/segment-names.js';
import {
  asText,
  createdLog,
  recordsOf,
  recoveredLog,
  settled,
  smallSegmentBytes,
  vote,
  votes,
  watched,
  type TestedLog,
} from '../support/log-fixture.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

type Tested = TestedLog & { readonly disk: SimulatedDisk };

/** A log on a disk that has room for what is there and nothing more, in the third sector of segment 2. */
async function fullDisk(manner = {}): Promise<Tested> {
  const disk = new SimulatedDisk(seededRandom(5));
  const tested = await createdLog(disk, { reserveSegments: 1, ...manner });
  await settled();
  for (const one of votes(0, 6)) await tested.log.append([one]);
  disk.capacityBytes = disk.usedBytes;
  await tested.log.append([vote(7)]);
  await settled();
  return { ...tested, disk };
}

describe('the write-ahead log on a full disk', () => {
  it('has space until no next segment can be claimed, and then says so once', async () => {
    const { log, space, disk, clock } = await fullDisk();
    expect([log.hasSpace, ...space]).to.deep.equal([false, false]);
    clock.advance(5000);
    await settled();
    expect([log.hasSpace, ...space]).to.deep.equal([false, false]);
    expect(disk.usedBytes, 'nothing half made stays behind').to.equal(disk.capacityBytes);
    await log.close();
  });

  it('refuses records before queueing them, and still answers an append of nothing', async () => {
    const { log, disk } = await fullDisk();
    const frames = log.stats.frames;
    expect((await rejection(log.append([vote(8)]), NoSpaceError)).message).to.contain(segmentName(3));
    await log.append([]);
    expect(log.stats.frames).to.equal(frames);
    await log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText(votes(0, 7)));
  });

  it('writes what nobody waits for where there is room, and holds nobody up where there is none', async () => {
    const { log, disk, clock } = await fullDisk();
    const fitting = watched(log.appendLazily([vote(8)]));
    const large = watched(log.appendLazily([vote(9, 3000)]));
    clock.advance(20);
    await settled();
    expect([fitting.state, large.state]).to.deep.equal(['synced', 'waiting']);
    const nothing = watched(log.append([]));
    await settled();
    expect([nothing.state, large.state]).to.deep.equal(['synced', 'waiting']);
    await log.close();
    await settled();
    expect(large.state).to.be.instanceOf(NoSpaceError);
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText(votes(0, 8)));
  });

  it('goes on by itself within a second of space coming back', async () => {
    const { log, space, disk, clock } = await fullDisk();
    const lazy = watched(log.appendLazily([vote(8)]));
    clock.advance(20);
    disk.capacityBytes += smallSegmentBytes;
    clock.advance(960);
    await settled();
    expect(log.hasSpace).to.equal(false);
    clock.advance(20);
    await settled();
    expect([log.hasSpace, ...space]).to.deep.equal([true, false, true]);
    expect(lazy.state).to.equal('synced');
    await log.append(votes(9, 11));
    await log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText(votes(0, 11)));
  });

  it('finishes what it had taken before the space went, as soon as there is some', async () => {
    const disk = new SimulatedDisk(seededRandom(5));
    const { log, clock } = await createdLog(disk);
    await settled();
    disk.capacityBytes = disk.usedBytes;
    const taken = votes(0, 19).map((one) => watched(log.append([one, vote(100, 200)])));
    await settled();
    const last = watched(log.append([]));
    await settled();
    const states = taken.map(({ state }) => state);
    expect(states).to.include('synced').and.include('waiting');
    expect([log.hasSpace, last.state]).to.deep.equal([false, 'waiting']);
    disk.capacityBytes = Infinity;
    clock.advance(1000);
    await settled();
    expect([...taken, last].every(({ state }) => state === 'synced')).to.equal(true);
    await log.close();
    expect((await recordsOf(disk)).records).to.have.length(40);
  });

  it('rejects at its end what found no room', async () => {
    const disk = new SimulatedDisk(seededRandom(5));
    const { log } = await createdLog(disk);
    await settled();
    disk.capacityBytes = disk.usedBytes;
    const taken = votes(0, 19).map((one) => watched(log.append([one, vote(100, 200)])));
    await settled();
    await log.close();
    await settled();
    expect(taken.at(-1)!.state).to.be.instanceOf(NoSpaceError);
    const synced = taken.filter(({ state }) => state === 'synced').length;
    disk.capacityBytes = Infinity;
    expect((await recordsOf(disk)).records).to.have.length(2 * synced);
  });

  it('lets the log be cut, out of the rest of the segment in use', async () => {
    const { log, disk, clock } = await fullDisk();
    await log.dropBelow(7, [vote(50)]);
    expect(await disk.list())
      .to.include('reserve-1')
      .and.not.include(segmentName(1));
    await settled();
    expect(log.hasSpace, 'what was cut is room for the next segment').to.equal(true);
    clock.advance(1);
    await log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText([vote(7), vote(50)]));
  });

  it('lets the log be cut, out of the reserve if need be', async () => {
    const { log, disk, trace } = await fullDisk();
    await log.dropBelow(7, votes(50, 62, 200));
    expect(trace.filter((event) => event === 'segment-opened')).to.have.length(2);
    await settled();
    await log.close();
    const found = await recordsOf(disk);
    expect(asText(found.records)).to.deep.equal(asText([vote(7), ...votes(50, 62, 200)]));
  });

  it('refuses to cut where neither would do', async () => {
    const { log, disk } = await fullDisk({ reserveSegments: 0 });
    const { frames } = log.stats;
    await rejection(log.dropBelow(7, votes(50, 62, 200)), NoSpaceError);
    expect(log.stats.frames).to.equal(frames);
    await log.dropBelow(7, [vote(50)]);
    await log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText([vote(7), vote(50)]));
  });

  it('gives the reserve away when asked, leaves its space alone for a while, and claims it again', async () => {
    const { log, disk, clock } = await fullDisk();
    await log.releaseReserve();
    expect(disk.capacityBytes - disk.usedBytes).to.equal(smallSegmentBytes);
    clock.advance(9_000);
    await settled();
    expect(disk.capacityBytes - disk.usedBytes).to.equal(smallSegmentBytes);
    disk.capacityBytes = Infinity;
    clock.advance(1_500);
    await settled();
    expect(await disk.list())
      .to.include('reserve-1')
      .and.include(segmentName(3));
    expect(log.hasSpace).to.equal(true);
    await log.close();
  });

  it('leaves the space that it gave away alone even if it needs a next segment', async () => {
    const disk = new SimulatedDisk(seededRandom(5));
    const { log, clock } = await createdLog(disk, { reserveSegments: 1 });
    await settled();
    disk.capacityBytes = disk.usedBytes;
    await log.releaseReserve();
    for (const one of votes(0, 7)) await log.append([one]);
    await settled();
    expect(disk.capacityBytes - disk.usedBytes).to.equal(smallSegmentBytes);
    expect(log.hasSpace).to.equal(false);
    for (let second = 0; second < 10; second += 1) {
      expect(log.hasSpace).to.equal(false);
      clock.advance(1_000);
      await settled();
    }
    expect(log.hasSpace).to.equal(true);
    await log.close();
  });

  it('claims nothing more once it has failed', async () => {
    const { log, disk, clock, failures } = await fullDisk();
    disk.failNextSync(new Error('the platter is gone'));
    await rejection(log.dropBelow(7, []), StorageFailure);
    disk.capacityBytes = Infinity;
    const { write } = disk.counts;
    clock.advance(30_000);
    await settled();
    expect([disk.counts.write, failures.length, clock.waiting]).to.deep.equal([write, 1, 0]);
    await log.close();
  });

  it('claims the reserve again after a cut', async () => {
    const { log, disk } = await fullDisk();
    await log.releaseReserve();
    await log.dropBelow(7, []);
    await settled();
    expect(await disk.list())
      .to.include('reserve-1')
      .and.include(segmentName(3));
    await log.close();
  });

  it('takes lack of space out of a sync for a failed sync', async () => {
    const disk = new SimulatedDisk(seededRandom(5));
    const { log, failures } = await createdLog(disk);
    await settled();
    for (const one of votes(0, 6)) await log.append([one]);
    disk.failNextSync(new NoSpaceError('zeros'), `${segmentName(3)}.tmp`);
    await log.append([vote(7)]).catch(() => undefined);
    await settled();
    expect(failures).to.have.length(1);
    expect(failures[0]!.message).to.contain(`the sync of ${segmentName(3)}.tmp failed`);
    await rejection(log.append([vote(8)]), StorageFailure);
    await log.close();
  });

  it('starts on it, and is ready to be cut', async () => {
    const { log, disk } = await fullDisk();
    await log.close();
    const again = await recoveredLog(disk, { reserveSegments: 1 });
    await settled();
    expect(asText(again.recovered.records)).to.deep.equal(asText(votes(0, 7)));
    await again.log.dropBelow(7, [vote(50)]);
    await settled();
    expect(again.log.hasSpace).to.equal(true);
    await again.log.append([vote(51)]);
    await again.log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText([vote(7), vote(50), vote(51)]));
  });
});
