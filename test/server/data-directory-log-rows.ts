import { expect } from 'chai';
import { incarnation, replicaId } from '../../src/log/ids.js';
import { DirectoryMismatch } from '../../src/server/identity.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { frameHeaderBytes } from '../../src/storage/frame.js';
import { logRecord } from '../../src/storage/log-record.js';
import { readSealed, writeSealed } from '../../src/storage/sealed-file.js';
import { reserveName, segmentName, temporaryName } from '../../src/storage/segment-names.js';
import { pinRecord } from '../../src/server/roster-records.js';
import {
  addSlots,
  addSnapshot,
  diskAfter,
  emptyDisk,
  floorRecord,
  openOn,
  revived,
  wantedOf,
} from '../support/data-directories.js';
import { rejection } from '../support/rejection.js';
import { membersOf } from '../support/rosters.js';
import { sectorBytes, type SimulatedDisk } from '../../src/sim/simulated-disk.js';

const segment = segmentName(1);

async function put(disk: SimulatedDisk, name: string, content = 'something'): Promise<void> {
  const file = await disk.open(name, { create: true });
  await file.write(0, Buffer.from(content));
  await file.close();
}

const namesOn = async (disk: SimulatedDisk, pattern: RegExp): Promise<string[]> =>
  (await disk.list()).filter((name) => pattern.test(name));

/** The identity on a disk, as it is written. */
const identityOn = async (disk: SimulatedDisk): Promise<Record<string, unknown>> =>
  (await readSealed(disk, 'identity')) as Record<string, unknown>;

async function changeIdentity(disk: SimulatedDisk, changes: Record<string, unknown>): Promise<void> {
  await writeSealed(disk, 'identity', { ...(await identityOn(disk)), ...changes });
}

/** A new directory, open and closed again. */
async function bornOn(disk: SimulatedDisk): Promise<string> {
  const { log, recovered, directoryId } = await openOn(disk);
  await log.close();
  expect(recovered.records).to.deep.equal([]);
  expect(recovered.lastLsn).to.equal(0);
  expect((await identityOn(disk))['phase']).to.equal('born');
  return directoryId;
}

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

/** What must come of the rows of docs/durability.md on births, identities and logs. */
export const identityAndLogRows: Record<string, () => Promise<void>> = {
  'an empty directory: a directory is born': async () => {
    await bornOn(emptyDisk());
  },

  'nothing but a temporary identity: a directory is born': async () => {
    const disk = emptyDisk();
    await put(disk, 'identity.tmp');
    await bornOn(disk);
  },

  'an identity being born, and any of the other files: all of them are removed, and the directory is born anew under another id':
    async () => {
      const whole = await sixSlots();
      const files = (await whole.list()).filter((name) => name !== 'identity');
      for (let kept = 0; kept < 2 ** files.length; kept += 1) {
        const disk = whole.image();
        await changeIdentity(disk, { phase: 'being-born' });
        for (const [index, name] of files.entries()) if ((kept & (1 << index)) === 0) disk.removeFile(name);
        const { directoryId } = await identityOn(disk);
        expect(await bornOn(disk)).to.not.equal(directoryId);
      }
    },

  'an identity being restored: the start is refused': async () => {
    const disk = await withSnapshot();
    await changeIdentity(disk, { phase: 'being-restored' });
    const { message } = await rejection(openOn(disk), DirectoryMismatch);
    expect(message).to.include('restore').and.to.include('cut short');
  },

  'files, but no identity: the start is refused': async () => {
    const disk = await sixSlots();
    disk.removeFile('identity');
    await refused(disk, 'identity', 'it is missing', segment);
  },

  'an identity of which any bit differs: the start is refused': async () => {
    const whole = await sixSlots();
    const bytes = whole.content('identity').length;
    for (let byte = 0; byte < bytes; byte += 37) {
      const disk = whole.image();
      disk.flipBit('identity', byte, byte % 8);
      await refused(disk, 'identity', 'checksum');
    }
  },

  'an identity of another format version: the start is refused, and names both versions': async () => {
    const disk = await sixSlots();
    await changeIdentity(disk, { formatVersion: 2 });
    await refused(disk, 'format version is 2', 'format version 1');
  },

  'an identity of another replica, cluster, engine, list of members or session parameters: the start is refused, and names both':
    async () => {
      const disk = await sixSlots();
      const { sessionParameters } = wantedOf();
      for (const [changes, ...texts] of [
        [{ replica: replicaId(2) }, 'replica 1', 'replica 2'],
        [{ clusterId: 'another' }, 'cluster derived', 'cluster another'],
        [{ engine: 'other' }, 'paxos', 'other'],
        [{ members: membersOf(5) }, '127.0.0.1:8003', '127.0.0.1:8005'],
        [{ sessionParameters: { ...sessionParameters, sequenceWindow: 7 } }, 'window 1024', 'window 7'],
      ] as const) {
        const attempt = openOn(disk, { wanted: wantedOf(3, changes) });
        const { message } = await rejection(attempt, DirectoryMismatch);
        for (const text of texts) expect(message).to.include(text);
      }
    },

  'no log beside an identity that was born: the start is refused': async () => {
    const disk = await sixSlots();
    for (const name of await namesOn(disk, /^log-/)) disk.removeFile(name);
    await refused(disk, 'no segment in use');
  },

  "another directory's log: the start is refused, and names both": async () => {
    const disk = await sixSlots();
    await changeIdentity(disk, { directoryId: '0123456789abcdef0123456789abcdef' });
    await refused(disk, 'not of directory 0123456789abcdef0123456789abcdef');
  },

  'a log whose last frame is torn: the frame is cut, and the replica goes on': async () => {
    const disk = await diskAfter(async (directory) => {
      await addSlots(directory, 0, 4);
      const { directoryId: known } = directory;
      const payload = Buffer.alloc(1000, 7);
      await directory.log.append([logRecord('vote', { slot: 5, round: 1, replica: 2, payload })]);
      expect(known).to.equal(directory.directoryId);
    });
    disk.overwrite(segment, 7 * sectorBytes, new Uint8Array(sectorBytes));
    const { applied, directory } = await revived(disk);
    expect(applied).to.equal(4);
    expect(directory.recovered.lastLsn).to.equal(5);
  },

  'a log whose last frame is damaged: the start is refused': async () => {
    const disk = await sixSlots();
    disk.flipBit(segment, 6 * sectorBytes + frameHeaderBytes + 9, 0);
    await refused(disk, 'frame 6', 'must not vote again');
  },

  'a log with a damaged frame in it whose slots are known: the replica starts, and does not vote up to the last of them until it has learned them':
    async () => {
      const disk = await sixSlots();
      disk.flipBit(segment, 3 * sectorBytes + frameHeaderBytes + 9, 0);
      const { applied, replica, trouble } = await revived(disk);
      expect(applied).to.equal(1);
      expect(replica.engine.peer.silence).to.deep.equal({ first: 2, last: 2 });
      expect(trouble).to.include('slots 2 to 2');
    },

  'a log with a damaged frame in it that says no slots: the start is refused': async () => {
    for (const damage of [
      async () => {
        const disk = await sixSlots();
        disk.flipBit(segment, 3 * sectorBytes + 20, 0);
        return disk;
      },
      async () => {
        const disk = await diskAfter(async (directory) => {
          await addSlots(directory, 0, 1);
          const pin = pinRecord({ replica: replicaId(2), incarnation: incarnation('process-2') });
          await directory.log.append([pin]);
          await addSlots(directory, 2, 3);
        });
        disk.flipBit(segment, 3 * sectorBytes + frameHeaderBytes + 9, 0);
        return disk;
      },
    ]) {
      await refused(await damage(), segment, 'must not vote again');
    }
  },

  'temporary files of every kind: they are removed, or not looked at until they are written anew':
    async () => {
      const disk = await withSnapshot();
      const leftovers = [
        'identity.tmp',
        'suspect.tmp',
        temporaryName(segmentName(99)),
        temporaryName(reserveName(1)),
        'snapshot-0000000000000009.1.tmp',
      ];
      for (const name of leftovers) await put(disk, name);
      expect((await revived(disk)).applied).to.equal(5);
      expect(await namesOn(disk, /(tmp|temporary)$/)).to.deep.equal(['identity.tmp', 'suspect.tmp']);
    },
};
