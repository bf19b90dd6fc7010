import { expect } from 'chai';
import { DirectoryMismatch } from '../../src/server/identity.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { frameHeaderBytes } from '../../src/storage/frame.js';
import { logRecord } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import { recoveryRows } from '../server/durability-page.js';
import { addSnapshot, diskAfter as paxosDiskAfter, floorRecord, vote } from '../support/data-directories.js';
import { addSlots, decided, diskAfter, openOmnipaxosOn, revived } from '../support/omnipaxos-directories.js';
import { rejection } from '../support/rejection.js';
import { sectorBytes, type SimulatedDisk } from '../../src/sim/simulated-disk.js';

/** Slots 0 to 5, each decided and in a frame of its own. */
const sixSlots = (memberCount = 3): Promise<SimulatedDisk> =>
  diskAfter((directory) => addSlots(directory, 0, 5), memberCount);
const flipRecordOf = (disk: SimulatedDisk, sector: number): void =>
  disk.flipBit(segmentName(1), sector * sectorBytes + frameHeaderBytes + 9, 0);
const damageSnapshot = (disk: SimulatedDisk, through: number): void =>
  disk.flipBit(`snapshot-${String(through + 1).padStart(16, '0')}`, 700, 1);
const promised = logRecord('range-promise', { slot: 0, round: 4, replica: 3 });

/** A snapshot through slot 3, the floor above it, two slots that follow, one that is open, and a promise. */
const withSnapshotAlone = (): Promise<SimulatedDisk> =>
  diskAfter(async (directory) => {
    await addSnapshot(directory, 3);
    await directory.log.append([floorRecord(4)]);
    await addSlots(directory, 4, 5);
    await directory.log.append([vote(6), promised]);
  });

/** What must come of those rows of docs/durability.md in which the engine has a say. */
const rows: Record<string, () => Promise<void>> = {
  'an identity of another replica, cluster, engine, list of members or session parameters: the start is refused, and names both':
    async () => {
      const disk = await paxosDiskAfter(() => Promise.resolve());
      const { message } = await rejection(openOmnipaxosOn(disk), DirectoryMismatch);
      expect(message).to.include('paxos').and.include('omnipaxos');
    },

  'a log whose last frame is torn: the frame is cut, and the replica goes on': async () => {
    const disk = await diskAfter(async (directory) => {
      await addSlots(directory, 0, 4);
      const payload = Buffer.alloc(1000, 7);
      await directory.log.append([
        logRecord('truncate', { slot: 5, round: 2, replica: 2 }),
        logRecord('vote', { slot: 5, round: 2, replica: 2, payload }),
      ]);
    });
    disk.overwrite(segmentName(1), 7 * sectorBytes, new Uint8Array(sectorBytes));
    const { applied, acceptedEnd, trouble } = await revived(disk);
    expect([applied, acceptedEnd, trouble]).to.deep.equal([4, 5, '']);
  },

  'a log with a damaged frame in it whose slots are known: the replica starts, and does not vote up to the last of them until it has learned them':
    async () => {
      const disk = await diskAfter(async (directory) => {
        await addSlots(directory, 0, 5);
        await directory.log.append([promised]);
      });
      flipRecordOf(disk, 3);
      const found = await revived(disk);
      expect(found).to.deep.include({ applied: 1, acceptedEnd: 2, decidedEnd: 2, promised: '4.3' });
      expect(found.trouble).to.include('damaged').and.include('counted for nothing');
    },

  'a log with a damaged frame in it that says no slots: the start is refused': async () => {
    const disk = await diskAfter(async (directory) => {
      await addSlots(directory, 0, 1);
      await directory.log.append([logRecord('hard', { round: 4, replica: 3 })]);
      await addSlots(directory, 2, 3);
    });
    flipRecordOf(disk, 3);
    expect((await rejection(revived(disk), StorageDamage)).message).to.include('must not vote again');
  },

  'no snapshot, and a log from slot 0: the log is applied from its beginning': async () => {
    for (const memberCount of [1, 3]) {
      const { applied, sessionsOpened } = await revived(await sixSlots(memberCount), { memberCount });
      expect([applied, sessionsOpened]).to.deep.equal([5, 6]);
    }
  },

  'a snapshot, and a log that goes on after it: the snapshot is loaded, and the log after it applied':
    async () => {
      const found = await revived(await withSnapshotAlone());
      expect(found).to.deep.include({
        applied: 5,
        floor: 4,
        decidedEnd: 6,
        acceptedEnd: 7,
        sessionsOpened: 6,
        promised: '4.3',
        trouble: '',
      });
    },

  'a snapshot newer than the floor: it is loaded, and the floor rises above it before the replica speaks':
    async () => {
      const disk = await diskAfter(async (directory) => {
        await addSlots(directory, 0, 1);
        await directory.log.append([vote(2), promised]);
        await addSnapshot(directory, 5);
      });
      const found = await revived(disk);
      expect(found).to.deep.include({ applied: 5, floor: 6, acceptedEnd: 6, decidedEnd: 6, promised: '4.3' });
      const again = await openOmnipaxosOn(disk);
      expect(again.recovered.hardState.floor, 'it is written down').to.equal(6);
      await again.log.close();
    },

  'a snapshot older than the floor, or none, and a log that still has what lies between: the log is applied after it':
    async () => {
      for (const through of [undefined, 1]) {
        const disk = await diskAfter(async (directory) => {
          await addSlots(directory, 0, 5);
          if (through !== undefined) await addSnapshot(directory, through);
          await directory.log.append([floorRecord(4)]);
        });
        const { applied, floor, sessionsOpened } = await revived(disk);
        expect([applied, floor, sessionsOpened]).to.deep.equal([5, 4, 6]);
      }
    },

  'a snapshot older than the floor, or none, and nothing of what lies between: votes are kept, and the state is pulled from the others':
    async () => {
      for (const through of [undefined, 1]) {
        const disk = await diskAfter(async (directory) => {
          if (through !== undefined) await addSnapshot(directory, through);
          await directory.log.append([floorRecord(4), ...decided(4), vote(5), promised]);
        });
        const found = await revived(disk);
        expect(found).to.deep.include({
          applied: through,
          floor: 4,
          decidedEnd: 5,
          acceptedEnd: 6,
          promised: '4.3',
        });
      }
    },

  'the same, where there is no other replica: the start is refused': async () => {
    const disk = await diskAfter(async (directory) => {
      await directory.log.append([floorRecord(4), ...decided(4)]);
    }, 1);
    const { message } = await rejection(revived(disk, { memberCount: 1 }), StorageDamage);
    expect(message).to.include('through 3');
  },

  'a damaged snapshot, and an older one after which the log goes on: the older one is loaded, and the damaged one removed':
    async () => {
      const disk = await diskAfter(async (directory) => {
        await addSnapshot(directory, 1);
        await directory.log.append([floorRecord(2)]);
        await addSlots(directory, 2, 5);
        await addSnapshot(directory, 4);
      });
      damageSnapshot(disk, 4);
      const { applied, sessionsOpened, directory } = await revived(disk);
      expect([applied, sessionsOpened]).to.deep.equal([5, 6]);
      expect(directory.snapshots.list().map(({ through }) => through)).to.deep.equal([1]);
    },

  'a damaged snapshot, and nothing else that covers its slots: it is removed, votes are kept, and the state is pulled from the others':
    async () => {
      const disk = await withSnapshotAlone();
      damageSnapshot(disk, 3);
      const found = await revived(disk);
      expect(found).to.deep.include({ applied: undefined, floor: 4, acceptedEnd: 7, promised: '4.3' });
      expect(found.directory.snapshots.list()).to.deep.equal([]);
    },

  'a suspect mark, and --rebuild: the snapshots are removed, votes are kept, and the state is pulled from the others':
    async () => {
      const disk = await withSnapshotAlone();
      const directory = await openOmnipaxosOn(disk);
      await directory.suspect.set(2);
      await directory.log.close();
      const found = await revived(disk, { rebuild: true });
      expect(found).to.deep.include({ applied: undefined, floor: 4, acceptedEnd: 7, promised: '4.3' });
      expect(found.directory.snapshots.list()).to.deep.equal([]);
    },

  'a suspect mark, --rebuild, and a log from slot 0: the log is applied anew, and the mark is taken away':
    async () => {
      const disk = await diskAfter(async (directory) => {
        await addSlots(directory, 0, 5);
        await directory.suspect.set(2);
      });
      expect((await revived(disk, { rebuild: true })).applied).to.equal(5);
      expect((await revived(disk)).applied).to.equal(5);
    },
};

describe('a data directory of the omnipaxos engine', () => {
  it('has its tests for rows of the recovery table', () => {
    expect(recoveryRows()).to.include.members(Object.keys(rows));
  });

  describe('found in a state of the recovery table', () => {
    for (const [title, run] of Object.entries(rows)) it(title, run);
  });

  it('with a suffix that a later leader cut off is found without it', async () => {
    const disk = await diskAfter(async (directory) => {
      await addSlots(directory, 0, 3);
      await directory.log.append([vote(4), vote(5)]);
      await directory.log.append([
        logRecord('truncate', { slot: 4, round: 2, replica: 2 }),
        { ...vote(4), round: 2 },
        logRecord('decided-through', { slot: 4 }),
      ]);
    });
    const found = await revived(disk);
    expect(found).to.deep.include({
      applied: 4,
      acceptedEnd: 5,
      decidedEnd: 5,
      promised: '2.2',
      trouble: '',
    });
  });
});
