import { expect } from 'chai';
import { StorageDamage } from '../../src/storage/errors.js';
import { writeSealed } from '../../src/storage/sealed-file.js';
import {
  addSlots,
  addSnapshot,
  decided,
  diskAfter,
  emptyDisk,
  floorRecord,
  openOn,
  revived,
  vote,
  wantedOf,
} from '../support/data-directories.js';
import { rejection } from '../support/rejection.js';
import { type SimulatedDisk } from '../../src/sim/simulated-disk.js';

const namesOn = async (disk: SimulatedDisk, pattern: RegExp): Promise<string[]> =>
  (await disk.list()).filter((name) => pattern.test(name));

const refused = async (disk: SimulatedDisk, ...texts: readonly string[]): Promise<void> => {
  const { message } = await rejection(revived(disk), StorageDamage);
  for (const text of texts) expect(message).to.include(text);
};

/** Slots 0 to 5, each decided and in a frame of its own. */
const sixSlots = (): Promise<SimulatedDisk> => diskAfter((directory) => addSlots(directory, 0, 5));

/** A snapshot through slot 3, the floor above it, and a log of all six slots. */
const withSnapshot = (): Promise<SimulatedDisk> =>
  diskAfter(async (directory) => {
    await addSlots(directory, 0, 5);
    await addSnapshot(directory, 3);
    await directory.log.append([floorRecord(4)]);
  });

/** The same without the slots that the snapshot covers. */
const withSnapshotAlone = (): Promise<SimulatedDisk> =>
  diskAfter(async (directory) => {
    await addSnapshot(directory, 3);
    await directory.log.append([floorRecord(4)]);
    await addSlots(directory, 4, 5);
  });

const damageSnapshot = (disk: SimulatedDisk, through: number): void =>
  disk.flipBit(`snapshot-${String(through + 1).padStart(16, '0')}`, 700, 1);

const suspectDisk = (): Promise<SimulatedDisk> =>
  diskAfter(async (directory) => {
    await addSnapshot(directory, 3);
    await directory.log.append([floorRecord(4), ...decided(4), vote(7)]);
    await directory.suspect.set(2);
  });

/** The directory of a replica without peers. */
async function aloneWith(
  fill: (directory: Awaited<ReturnType<typeof openOn>>) => Promise<void>,
): Promise<SimulatedDisk> {
  const disk = emptyDisk();
  const directory = await openOn(disk, { wanted: wantedOf(1) });
  await fill(directory);
  await directory.log.close();
  return disk.image();
}

const sixSlotsAlone = (more: readonly ReturnType<typeof floorRecord>[]): Promise<SimulatedDisk> =>
  aloneWith(async (directory) => {
    await addSlots(directory, 0, 5);
    if (more.length > 0) await directory.log.append(more);
  });

/** What must come of the rows of docs/durability.md on snapshots and the suspect mark. */
export const snapshotRows: Record<string, () => Promise<void>> = {
  'no snapshot, and a log from slot 0: the log is applied from its beginning': async () => {
    for (const memberCount of [1, 3]) {
      const disk = await (memberCount === 3 ? sixSlots() : sixSlotsAlone([]));
      const { applied, sessionsOpened } = await revived(disk, { memberCount });
      expect([applied, sessionsOpened]).to.deep.equal([5, 6]);
    }
  },

  'a snapshot, and a log that goes on after it: the snapshot is loaded, and the log after it applied':
    async () => {
      for (const disk of [await withSnapshot(), await withSnapshotAlone()]) {
        const { applied, floor, sessionsOpened } = await revived(disk);
        expect([applied, floor, sessionsOpened]).to.deep.equal([5, 4, 6]);
      }
    },

  'a snapshot newer than the floor: it is loaded, and the floor rises above it before the replica speaks':
    async () => {
      const disk = await diskAfter(async (directory) => {
        await addSlots(directory, 0, 1);
        await directory.log.append([vote(2), vote(9)]);
        await addSnapshot(directory, 5);
      });
      const { applied, floor, sessionsOpened, replica } = await revived(disk);
      expect([applied, floor, sessionsOpened]).to.deep.equal([5, 6, 6]);
      expect(
        replica.engine.peer.openInstances().map(([slot]) => slot),
        'the vote above it',
      ).to.deep.equal([9]);
      const again = await openOn(disk);
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
      const alone = await sixSlotsAlone([floorRecord(6)]);
      expect((await revived(alone, { memberCount: 1 })).applied).to.equal(5);
    },

  'a snapshot older than the floor, or none, and nothing of what lies between: votes are kept, and the state is pulled from the others':
    async () => {
      for (const through of [undefined, 1]) {
        const disk = await diskAfter(async (directory) => {
          if (through !== undefined) await addSnapshot(directory, through);
          await directory.log.append([floorRecord(4), ...decided(4), vote(7)]);
        });
        const { applied, floor, replica } = await revived(disk);
        expect([applied, floor]).to.deep.equal([through, 4]);
        expect(replica.engine.peer.openInstances().map(([slot]) => slot)).to.deep.equal([7]);
      }
    },

  'the same, where there is no other replica: the start is refused': async () => {
    const disk = await aloneWith(async (directory) => {
      await directory.log.append([floorRecord(4), ...decided(4)]);
    });
    const { message } = await rejection(revived(disk, { memberCount: 1 }), StorageDamage);
    expect(message).to.include('through 3');
  },

  'a damaged snapshot, and an older one after which the log goes on: the older one is loaded, and the damaged one removed':
    async () => {
      const disk = await diskAfter(async (directory) => {
        await addSnapshot(directory, 1);
        await addSlots(directory, 2, 5);
        await addSnapshot(directory, 4);
      });
      damageSnapshot(disk, 4);
      const { applied, sessionsOpened, directory } = await revived(disk);
      expect([applied, sessionsOpened]).to.deep.equal([5, 6]);
      // While it is listed the segments that it covers could go, and with them the last copy of what they hold.
      expect(directory.snapshots.list().map(({ through }) => through)).to.deep.equal([1]);
    },

  'a damaged snapshot, and nothing else that covers its slots: it is removed, votes are kept, and the state is pulled from the others':
    async () => {
      const disk = await withSnapshotAlone();
      damageSnapshot(disk, 3);
      const { applied, floor, directory } = await revived(disk);
      expect([applied, floor]).to.deep.equal([undefined, 4]);
      expect(directory.snapshots.list()).to.deep.equal([]);
      const alone = await aloneWith(async (directory) => {
        await addSnapshot(directory, 3);
        await directory.log.append([floorRecord(4)]);
      });
      damageSnapshot(alone, 3);
      await rejection(revived(alone, { memberCount: 1 }), StorageDamage);
      expect(await namesOn(alone, /^snapshot/), 'the only copy is left alone').to.have.length(1);
    },

  'a suspect mark: the start is refused': async () => {
    await refused(await suspectDisk(), 'slot 2', '--rebuild');
  },

  'a suspect mark, and --rebuild: the snapshots are removed, votes are kept, and the state is pulled from the others':
    async () => {
      const disk = await suspectDisk();
      const { applied, floor, replica } = await revived(disk, { rebuild: true });
      expect([applied, floor]).to.deep.equal([undefined, 4]);
      expect(replica.engine.peer.openInstances().map(([slot]) => slot)).to.deep.equal([7]);
      expect(await namesOn(disk, /^snapshot/)).to.deep.equal([]);
      await refused(disk, '--rebuild');
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

  'a suspect mark that is damaged or says no slot: the start is refused': async () => {
    const damaged = await suspectDisk();
    damaged.flipBit('suspect', 5, 1);
    await refused(damaged, 'suspect', 'checksum');
    const strange = await suspectDisk();
    await writeSealed(strange, 'suspect', { since: 'long ago' });
    await refused(strange, 'suspect', 'names no slot');
  },

  '--rebuild where there is no other replica: the start is refused, and nothing is removed': async () => {
    const disk = await aloneWith((directory) => addSnapshot(directory, 3));
    await rejection(revived(disk, { memberCount: 1, rebuild: true }), StorageDamage);
    expect((await revived(disk, { memberCount: 1 })).applied).to.equal(3);
  },
};
