import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom } from '../../src/runtime/random.js';
import type { Disk, DiskFile } from '../../src/storage/disk.js';
import { nodeDisk } from '../../src/storage/node-disk.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';
import { SyncedOnlyDisk } from '../support/synced-only-disk.js';

interface Place {
  readonly disk: Disk;
  /** Another disk over the same place, as the next process has it. */
  readonly again: () => Disk;
  readonly end: () => Promise<void>;
}

const onNode = async (over: (disk: Disk) => Disk): Promise<Place> => {
  const directory = await mkdtemp(join(tmpdir(), 'synod-disk-'));
  const again = () => over(nodeDisk(directory));
  return { disk: again(), again, end: () => rm(directory, { recursive: true }) };
};

const simulated = (over: (disk: Disk) => Disk): Promise<Place> => {
  const disk = new SimulatedDisk(seededRandom(1));
  return Promise.resolve({ disk: over(disk), again: () => over(disk), end: () => Promise.resolve() });
};

const itself = (disk: Disk): Disk => disk;
const syncedOnly = (disk: Disk): Disk => new SyncedOnlyDisk(disk);

const places: Readonly<Record<string, () => Promise<Place>>> = {
  'over node:fs': () => onNode(itself),
  simulated: () => simulated(itself),
  'that keeps only what is synced, over the simulated one': () => simulated(syncedOnly),
  'that keeps only what is synced, over node:fs': () => onNode(syncedOnly),
};

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

for (const [description, makePlace] of Object.entries(places)) {
  describe(`a disk ${description}`, () => {
    let place: Place;
    let disk: Disk;
    const open: DiskFile[] = [];

    beforeEach(async () => {
      place = await makePlace();
      disk = place.disk;
    });

    afterEach(async () => {
      for (const file of open.splice(0)) await file.close();
      await place.end();
    });

    const opened = async (name: string): Promise<DiskFile> => {
      const file = await disk.open(name);
      open.push(file);
      return file;
    };

    const create = async (name: string, content = ''): Promise<DiskFile> => {
      const file = await disk.open(name, { create: true });
      open.push(file);
      await file.write(0, Buffer.from(content));
      return file;
    };

    const contentOf = async (name: string, from = disk): Promise<string> => {
      const file = await from.open(name);
      const content = text(await file.read(0, 1_000));
      await file.close();
      return content;
    };

    it('writes at the offsets it is told, in any order', async () => {
      const file = await create('log');
      await file.write(6, Buffer.from('world'));
      await file.write(0, Buffer.from('hello '));
      await file.write(0, Buffer.from('J'));
      expect(await contentOf('log')).to.equal('Jello world');
      expect(await file.size()).to.equal(11);
    });

    it('fills a gap with zeros', async () => {
      const file = await create('log');
      await file.write(3, Buffer.from('x'));
      expect([...(await file.read(0, 10))]).to.deep.equal([0, 0, 0, 120]);
    });

    it('reads from an offset, and less at the end of the file', async () => {
      const file = await create('log', '0123456789');
      expect(text(await file.read(2, 3))).to.equal('234');
      expect(text(await file.read(8, 10))).to.equal('89');
      expect(await file.read(10, 5)).to.have.length(0);
      expect(await file.read(700, 5)).to.have.length(0);
    });

    it('writes a piece of a larger buffer and nothing beside it', async () => {
      const file = await create('log');
      await file.write(0, Buffer.from('0123456789').subarray(3, 6));
      expect(text(await file.read(0, 100))).to.equal('345');
    });

    it('keeps what was written when the buffer is used for something else', async () => {
      const file = await create('log');
      const bytes = Buffer.from('first');
      await file.write(0, bytes);
      bytes.fill('x');
      expect(text(await file.read(0, 100))).to.equal('first');
    });

    it('carries large writes through whole', async () => {
      const file = await create('log');
      const bytes = Buffer.alloc(3 * 1024 * 1024, 'positioned');
      await file.write(5, bytes);
      expect(Buffer.compare(await file.read(5, bytes.length + 1), bytes)).to.equal(0);
      await file.datasync();
      expect(Buffer.compare(await file.read(5, bytes.length + 1), bytes)).to.equal(0);
    });

    it('opens what is there without emptying it', async () => {
      await create('log', 'kept');
      const file = await create('log');
      expect(text(await file.read(0, 100))).to.equal('kept');
      await file.write(4, Buffer.from('!'));
      expect(await contentOf('log')).to.equal('kept!');
    });

    it('opens no file that is not there unless told to create it', async () => {
      expect(await rejection(disk.open('log'), Error)).to.have.property('code', 'ENOENT');
      expect(await disk.list()).to.deep.equal([]);
    });

    it('truncates, and lengthens with zeros', async () => {
      const file = await create('log', '0123456789');
      await file.truncate(4);
      expect(text(await file.read(0, 100))).to.equal('0123');
      expect(await file.size()).to.equal(4);
      await file.truncate(6);
      expect([...(await file.read(4, 100))]).to.deep.equal([0, 0]);
      await file.write(8, Buffer.from('x'));
      expect([...(await file.read(4, 100))]).to.deep.equal([0, 0, 0, 0, 120]);
    });

    it('renames over what is there', async () => {
      await create('fresh', 'new');
      await create('current', 'old');
      await disk.rename('fresh', 'current');
      expect(await disk.list()).to.deep.equal(['current']);
      expect(await contentOf('current')).to.equal('new');
    });

    it('goes on with a file that is renamed or removed while it is open', async () => {
      const file = await create('log', 'a');
      await disk.rename('log', 'moved');
      await file.write(1, Buffer.from('b'));
      await file.datasync();
      expect(await contentOf('moved')).to.equal('ab');
      await disk.remove('moved');
      await disk.syncDirectory();
      expect(text(await file.read(0, 10))).to.equal('ab');
    });

    it('removes a file, and says so if there is none', async () => {
      await create('log');
      await disk.remove('log');
      expect(await disk.list()).to.deep.equal([]);
      expect(await rejection(disk.remove('log'), Error)).to.have.property('code', 'ENOENT');
      expect(await rejection(disk.rename('log', 'other'), Error)).to.have.property('code', 'ENOENT');
    });

    it('begins an empty file under the name of one that was removed', async () => {
      await create('log', 'old');
      await disk.remove('log');
      await create('log');
      expect(await contentOf('log')).to.equal('');
    });

    it('lists files by name', async () => {
      for (const name of ['b', 'a', 'c']) await create(name);
      expect(await disk.list()).to.deep.equal(['a', 'b', 'c']);
    });

    it('refuses a file that was closed', async () => {
      const file = await disk.open('log', { create: true });
      await file.close();
      await rejection(file.write(0, Buffer.from('x')), Error);
      await rejection(file.datasync(), Error);
    });

    it('shows the next process what was synced', async () => {
      const file = await create('draft', 'synced');
      await file.datasync();
      await disk.rename('draft', 'final');
      await create('gone', 'x');
      await disk.remove('gone');
      await disk.syncDirectory();
      const next = place.again();
      expect(await next.list()).to.deep.equal(['final']);
      expect(await contentOf('final', next)).to.equal('synced');
    });

    it('reads as a plain array of bytes does, whatever is done in whatever order', async () => {
      const offset = fc.nat(1_600);
      const action = fc.oneof(
        fc.record({ kind: fc.constant('write' as const), offset, length: fc.nat(900), fill: fc.nat(255) }),
        fc.record({ kind: fc.constant('truncate' as const), length: offset }),
        fc.record({ kind: fc.constant('read' as const), offset, length: fc.nat(1_600) }),
        fc.record({ kind: fc.constant('datasync' as const) }),
        fc.record({ kind: fc.constant('reopen' as const) }),
      );
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(action, { maxLength: 25 }), async (actions) => {
          runs += 1;
          let file = await create(`run-${runs}`);
          let expected = Buffer.alloc(0);
          for (const step of actions) {
            if (step.kind === 'write') {
              const bytes = Buffer.alloc(step.length, step.fill);
              await file.write(step.offset, bytes);
              if (step.length > 0) expected = grown(expected, step.offset + step.length);
              bytes.copy(expected, step.offset);
            } else if (step.kind === 'truncate') {
              await file.truncate(step.length);
              expected = grown(expected, step.length).subarray(0, step.length);
            } else if (step.kind === 'datasync') {
              await file.datasync();
            } else if (step.kind === 'reopen') {
              file = await opened(`run-${runs}`);
            } else {
              const read = await file.read(step.offset, step.length);
              const wanted = expected.subarray(step.offset, step.offset + step.length);
              expect(Buffer.compare(read, wanted)).to.equal(0);
            }
            expect(await file.size()).to.equal(expected.length);
          }
          expect(Buffer.compare(await file.read(0, 4_000), expected)).to.equal(0);
        }),
        { numRuns: 60 },
      );
    });
  });
}

/** A copy that has at least `length` bytes. */
function grown(bytes: Buffer, length: number): Buffer<ArrayBuffer> {
  const copy = Buffer.alloc(Math.max(bytes.length, length));
  bytes.copy(copy);
  return copy;
}
