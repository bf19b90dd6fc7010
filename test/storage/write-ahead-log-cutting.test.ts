import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { StorageFailure } from '../../src/storage/errors.js';
import { logRecord, type RecordKind } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import { writeThreeSegments } from '../support/log-damage.js';
import {
  asText,
  createdLog,
  recordsOf,
  recoveredLog,
  settled,
  smallSegmentBytes,
  vote,
  votes,
  type TestedLog,
} from '../support/log-fixture.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const emptyDisk = () => new SimulatedDisk(seededRandom(8));

/** A log whose first segment holds one record of this kind, of slot 5, and nothing else of a slot. */
async function holding(kind: RecordKind): Promise<TestedLog & { readonly disk: SimulatedDisk }> {
  const disk = emptyDisk();
  const tested = await createdLog(disk);
  await settled();
  await tested.log.append([logRecord(kind, { slot: 5, round: 3, replica: 1 })]);
  for (let turn = 0; turn < 7; turn += 1) await tested.log.append([logRecord('round', { round: turn })]);
  await settled();
  return { ...tested, disk };
}

describe('the cutting of the log', () => {
  for (const kind of ['vote', 'decided', 'truncate'] as const) {
    it(`keeps a segment while its ${kind} is not below the slot, before a restart and after`, async () => {
      const { log, disk } = await holding(kind);
      expect([log.canDrop(5), log.canDrop(6)]).to.deep.equal([false, true]);
      await log.dropBelow(5, [vote(50)]);
      expect(await disk.list()).to.include(segmentName(1));
      await log.close();
      const again = await recoveredLog(disk);
      expect(again.recovered.records.some((record) => record.kind === kind)).to.equal(true);
      expect([again.log.canDrop(5), again.log.canDrop(6)]).to.deep.equal([false, true]);
      await again.log.dropBelow(6, []);
      expect(await disk.list()).to.not.include(segmentName(1));
      await again.log.close();
    });
  }

  for (const kind of ['promise', 'range-promise', 'done', 'pin', 'peer-lsn', 'floor'] as const) {
    it(`does not keep a segment for a ${kind}, which is rewritten instead`, async () => {
      const { log, disk } = await holding(kind);
      const live = logRecord(kind, { slot: 5, round: 3, replica: 1 });
      await log.dropBelow(0, [live]);
      await log.close();
      expect(await disk.list()).to.not.include(segmentName(1));
      const { records } = await recordsOf(disk);
      expect(asText(records.filter((record) => record.kind === kind))).to.deep.equal(asText([live]));
    });
  }

  it('writes nothing if nothing would go', async () => {
    const disk = emptyDisk();
    await writeThreeSegments(disk);
    const { log } = await recoveredLog(disk);
    const { bytes } = log;
    await log.dropBelow(6, [vote(50)]);
    expect([log.stats.frames, log.bytes]).to.deep.equal([0, bytes]);
    await settled();
    await log.dropBelow(14, [vote(50)]);
    expect([log.stats.frames, log.bytes]).to.deep.equal([1, 2 * smallSegmentBytes]);
    await log.close();
  });

  it('keeps what was sealed after it was asked for, for that may not be among the live records', async () => {
    const disk = emptyDisk();
    await writeThreeSegments(disk);
    const { log } = await recoveredLog(disk);
    await settled();
    const first = log.dropBelow(7, []);
    const second = log.dropBelow(100, []);
    const promises = Array.from({ length: 30 }, (_, slot) =>
      logRecord('promise', { slot, round: 9, replica: 1 }),
    );
    for (const promise of promises) log.append([promise, vote(1, 300)]).catch(() => undefined);
    await Promise.all([first, second]);
    await log.close();
    const { records } = await recordsOf(disk);
    expect(asText(records.filter(({ kind }) => kind === 'promise'))).to.deep.equal(asText(promises));
    expect(records.filter(({ slot }) => slot >= 14 && slot < 18).length).to.be.above(3);
    expect(records.some(({ kind, slot }) => kind === 'vote' && slot === 13)).to.equal(false);
  });

  it('keeps a segment that is being sealed meanwhile', async () => {
    const disk = emptyDisk();
    await writeThreeSegments(disk);
    const { log } = await recoveredLog(disk);
    await settled();
    let cut: Promise<void> | undefined;
    disk.before = ({ kind, file, offset }) => {
      // The header of the next one: the one before it is full, and not yet sealed.
      if (kind === 'write' && offset === 0 && file.endsWith('.segment'))
        cut ??= log.dropBelow(14, [vote(50)]);
    };
    const written = votes(14, 17);
    for (let slot = 18; cut === undefined && slot < 40; slot += 1) {
      written.push(vote(slot));
      await log.append([vote(slot)]);
    }
    await cut;
    await log.close();
    expect(cut).to.not.equal(undefined);
    const { records } = await recordsOf(disk);
    expect(asText(records)).to.include.members([...asText(written), ...asText([vote(50)])]);
    expect(asText(records)).to.not.include(asText([vote(13)])[0]);
  });

  it('removes nothing for a frame that may be in memory only, until that is repeated', async () => {
    for (let point = 1; point < 60; point += 1) {
      const disk = emptyDisk();
      await writeThreeSegments(disk);
      const first = await recoveredLog(disk);
      await settled();
      disk.failNextSync(new Error('the platter is gone'), undefined, 'nothing');
      await rejection(first.log.dropBelow(14, [vote(50)]), StorageFailure);
      await first.log.close();
      let operations = 0;
      let found: SimulatedDisk | undefined;
      disk.before = () => {
        operations += 1;
        if (operations === point) found = disk.crash('nothing');
      };
      const second = await recoveredLog(disk).catch(() => undefined);
      await second?.log.close().catch(() => undefined);
      const { records } = await recordsOf(found ?? disk.crash('nothing'));
      expect([asText(votes(0, 17)), asText([...votes(14, 17), vote(50)])]).to.deep.include(asText(records));
    }
  });
});
