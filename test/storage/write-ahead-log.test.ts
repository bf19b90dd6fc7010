import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { StorageFailure } from '../../src/storage/errors.js';
import { logRecord } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import {
  asText,
  createdLog,
  recordsOf,
  settled,
  vote,
  votes,
  watched,
  type TestedLog,
} from '../support/log-fixture.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const large = { segmentBytes: 64 * 1024 };

async function begun(manner = {}): Promise<TestedLog & { readonly disk: SimulatedDisk }> {
  const disk = new SimulatedDisk(seededRandom(5));
  const tested = await createdLog(disk, { ...large, ...manner });
  await settled();
  return { ...tested, disk };
}

/** Holds every sync of a file back until released. */
function heldSyncs(disk: SimulatedDisk): { release: () => void } {
  const waiting: (() => void)[] = [];
  disk.before = ({ kind }) => {
    if (kind === 'datasync') return new Promise((resolve) => waiting.push(resolve));
    return undefined;
  };
  return { release: () => waiting.shift()?.() };
}

describe('the write-ahead log', () => {
  it('has one sync in flight, and gathers what arrives meanwhile into the next frame', async () => {
    const { log, disk } = await begun();
    const syncs = heldSyncs(disk);
    const { datasync } = disk.counts;
    const first = watched(log.append([vote(0)]));
    await settled(3);
    const later = [1, 2, 3].map((slot) => watched(log.append([vote(slot)])));
    await settled();
    expect(disk.counts.datasync - datasync, 'syncs asked for').to.equal(1);
    expect([first.state, log.durableLsn]).to.deep.equal(['waiting', 0]);
    syncs.release();
    await settled();
    expect([first.state, log.durableLsn]).to.deep.equal(['synced', 1]);
    expect(later.map(({ state }) => state)).to.deep.equal(['waiting', 'waiting', 'waiting']);
    syncs.release();
    await settled();
    expect(later.map(({ state }) => state)).to.deep.equal(['synced', 'synced', 'synced']);
    expect(log.stats).to.deep.equal({ frames: 2, records: 4, payloadBytes: 4 * 136 });
    expect([log.durableLsn, log.bytesAppended]).to.deep.equal([2, 544]);
    disk.before = undefined;
    await log.close();
  });

  it('gathers those who append again as soon as they are told into one frame', async () => {
    const { log } = await begun();
    const worker = async (slot: number) => {
      for (let turn = 0; turn < 5; turn += 1) await log.append([vote(slot)]);
    };
    await Promise.all([0, 1, 2, 3].map(worker));
    expect(log.stats.frames).to.equal(5);
    await log.close();
  });

  it('waits with an append of nothing for what is before it, and writes nothing for it', async () => {
    const { log, disk } = await begun();
    await log.append([]);
    const syncs = heldSyncs(disk);
    const inFlight = watched(log.append([vote(0)]));
    await settled(3);
    const nothing = watched(log.append([]));
    await settled();
    expect([inFlight.state, nothing.state]).to.deep.equal(['waiting', 'waiting']);
    syncs.release();
    await settled();
    expect([inFlight.state, nothing.state]).to.deep.equal(['synced', 'synced']);
    expect(log.stats.frames).to.equal(1);
    const lazy = watched(log.appendLazily([vote(1)]));
    const behindLazy = watched(log.append([]));
    await settled();
    expect([lazy.state, behindLazy.state]).to.deep.equal(['waiting', 'waiting']);
    syncs.release();
    await settled();
    expect([lazy.state, behindLazy.state, log.stats.frames]).to.deep.equal(['synced', 'synced', 2]);
    disk.before = undefined;
    await log.close();
  });

  it('lets lazy records ride in the next frame, or makes one for them soon', async () => {
    const { log, clock, disk } = await begun();
    const riding = watched(log.appendLazily([vote(0)]));
    await settled();
    expect(riding.state).to.equal('waiting');
    await log.append([vote(1)]);
    expect([riding.state, log.stats.frames]).to.deep.equal(['synced', 1]);
    clock.advance(30);
    await settled();
    const alone = watched(log.appendLazily([vote(2)]));
    clock.advance(19);
    await settled();
    expect(alone.state).to.equal('waiting');
    clock.advance(1);
    await settled();
    expect([alone.state, log.stats.frames]).to.deep.equal(['synced', 2]);
    await log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText(votes(0, 2)));
  });

  it('takes riders along with a frame that is due, and makes none for them', async () => {
    const { log, disk } = await begun();
    let lsn = 0;
    log.riders = () => [logRecord('peer-lsn', { slot: (lsn += 1), replica: 3 })];
    await settled();
    await log.append([]);
    expect([log.stats.frames, lsn]).to.deep.equal([0, 0]);
    await log.append([vote(0)]);
    await log.append([vote(1)]);
    expect(log.riders()).to.have.length(1);
    await log.close();
    const { records } = await recordsOf(disk);
    expect(records.map(({ kind, slot }) => `${kind} ${slot}`)).to.deep.equal([
      'peer-lsn 1',
      'vote 0',
      'peer-lsn 2',
      'vote 1',
    ]);
  });

  it('keeps riders that find no room for the next frame, and out of the middle of a transaction', async () => {
    const { log, disk } = await begun({ frameLimitBytes: 4096 });
    const rider = (slot: number) => [logRecord('peer-lsn', { slot, payload: new Uint8Array(60) })];
    const given = [[], rider(1), [], rider(2)];
    log.riders = () => given.shift() ?? [];
    await log.append([vote(0, 3000)]);
    await log.append([vote(1, 3860)]);
    await log.append(votes(2, 9, 3000));
    await log.append([vote(10)]);
    await log.close();
    const { records } = await recordsOf(disk);
    expect(records.map(({ kind, slot }) => `${kind} ${slot}`)).to.deep.equal([
      'vote 0',
      'vote 1',
      'peer-lsn 1',
      ...votes(2, 9).map(({ slot }) => `vote ${slot}`),
      'peer-lsn 2',
      'vote 10',
    ]);
  });

  it('bounds a frame, and splits an append that is longer', async () => {
    const { log, disk } = await begun({ frameLimitBytes: 4096 });
    await Promise.all(votes(0, 9, 900).map((one) => log.append([one])));
    expect(log.stats.frames).to.equal(3);
    await log.append(votes(10, 29, 900));
    expect(log.stats.frames).to.equal(8);
    await log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText(votes(0, 29, 900)));
  });

  it('gives back the values byte for byte, whatever they are', async () => {
    const { log, disk } = await begun();
    const random = seededRandom(77);
    const records = Array.from({ length: 60 }, (_, index) => {
      const payload = Uint8Array.from(
        { length: random.below(700) },
        () => random.below(3) * random.below(128),
      );
      return logRecord('vote', { group: index, slot: 2 ** 53 - 1 - index, round: 2 ** 40 + index, payload });
    });
    for (const record of records) await log.append([record]);
    await log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText(records));
  });

  it('knows the hard state that its records come to, and finds it again without them', async () => {
    const { log, disk } = await begun({ segmentBytes: 4096 });
    await log.append([
      logRecord('floor', { slot: 5 }),
      logRecord('decided-through', { slot: 4 }),
      logRecord('range-promise', { slot: 9, round: 7, replica: 2 }),
      logRecord('round', { round: 8 }),
    ]);
    const hardState = {
      highestRound: 8,
      floor: 5,
      decidedThrough: 4,
      rangePromise: { from: 9, round: 7, replica: 2 },
    };
    expect(log.hardState).to.deep.equal(hardState);
    for (const slot of [1, 2, 3, 4, 5, 6, 7, 8])
      await log.append([logRecord('done', { slot, payload: new Uint8Array(400) })]);
    await settled();
    await log.dropBelow(1, []);
    await log.close();
    expect(await disk.list()).to.not.include(segmentName(1));
    const found = await recordsOf(disk);
    expect(found.records.some(({ kind }) => kind === 'floor')).to.equal(false);
    expect(found.hardState).to.deep.equal(hardState);
  });

  it('refuses records that it cannot write, before queueing them', async () => {
    const { log } = await begun({ segmentBytes: 4096 });
    const message = async (record: ReturnType<typeof vote>) =>
      (await rejection(log.append([vote(1), record]), RangeError)).message;
    expect(await message(vote(2, 4000))).to.contain('4036 bytes is longer than the 3384');
    expect(await message(logRecord('begin', {}))).to.contain('written by the log itself only');
    expect(await message(logRecord('vote', { slot: -1 }))).to.contain('slot -1');
    expect(await message(logRecord('vote', { round: 2 ** 53 }))).to.contain('round 9007199254740992');
    expect(await message(logRecord('vote', { group: 2 ** 32 }))).to.contain('group 4294967296');
    expect(log.stats.frames).to.equal(0);
    await log.append([vote(2, 3384 - 36)]);
    await log.close();
  });

  it('writes what waits when it is closed, and takes nothing afterwards', async () => {
    const { log, clock, disk } = await begun();
    const lazy = watched(log.appendLazily([vote(0)]));
    const prompt = watched(log.append([vote(1)]));
    const last = watched(log.appendLazily([vote(2)]));
    await log.close();
    await settled();
    expect([lazy.state, prompt.state, last.state]).to.deep.equal(['synced', 'synced', 'synced']);
    for (const late of [log.append([]), log.appendLazily([vote(3)]), log.dropBelow(1, [])]) {
      expect((await rejection(late, Error)).message).to.equal('the log is closed');
    }
    expect(clock.waiting, 'timers').to.equal(0);
    await log.close();
    expect(asText((await recordsOf(disk)).records)).to.deep.equal(asText(votes(0, 2)));
  });

  for (const what of ['sync', 'write', 'sync out of space'] as const) {
    it(`fails for good with the first ${what} that fails, and tries nothing again`, async () => {
      const { log, clock, disk, failures } = await begun();
      await log.append([vote(0)]);
      const cause = new Error('no space left on device');
      if (what === 'write') disk.failNextWrite(cause);
      else disk.failNextSync(cause);
      const waiting = [log.append([vote(1)]), log.appendLazily([vote(2)]), log.append([])];
      const rejected = await Promise.all(waiting.map((append) => rejection(append, StorageFailure)));
      expect(new Set(rejected).size).to.equal(1);
      expect(failures).to.deep.equal([rejected[0]]);
      expect(rejected[0]!.cause).to.equal(cause);
      expect(rejected[0]!.message).to.contain('frame 2').and.contain(segmentName(1));
      const changes = () => {
        const { write, datasync, rename, truncate } = disk.counts;
        return { write, datasync, rename, truncate };
      };
      const before = changes();
      await rejection(log.append([vote(3)]), StorageFailure);
      await rejection(log.append([]), StorageFailure);
      await rejection(log.dropBelow(9, []), StorageFailure);
      await rejection(log.releaseReserve(), StorageFailure);
      clock.advance(60_000);
      await settled();
      await log.close();
      expect(changes()).to.deep.equal(before);
      expect(failures).to.have.length(1);
    });
  }

  it('names its moments in order', async () => {
    const { log, trace } = await begun({ segmentBytes: 4096 });
    await log.append([vote(0, 2000)]);
    await settled();
    await log.append([vote(1, 2000)]);
    await settled();
    await log.dropBelow(1, []);
    await log.close();
    expect(trace.filter((event) => event === 'segment-claimed')).to.have.length(2);
    expect(trace.filter((event) => event !== 'segment-claimed').join(' ')).to.equal(
      'recovery-segment-synced recovery-segment-renamed ' +
        'frame-begun frame-written frame-synced segment-opened frame-begun frame-written frame-synced ' +
        'frame-begun frame-written frame-synced first-segment-recorded segment-dropped',
    );
  });
});
