import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import type { Disk } from '../../src/storage/disk.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';
import { SyncedOnlyDisk } from '../support/synced-only-disk.js';

const read = async (disk: Disk, name: string): Promise<string> => {
  const file = await disk.open(name);
  const content = await file.read(0, 1_000);
  await file.close();
  return Buffer.from(content).toString();
};

describe('the disk that keeps only what is synced', () => {
  let beneath: SimulatedDisk;
  let disk: SyncedOnlyDisk;

  beforeEach(() => {
    beneath = new SimulatedDisk(seededRandom(1));
    disk = new SyncedOnlyDisk(beneath);
  });

  /** The disk that the next process has after this one was killed. */
  const killed = () => new SyncedOnlyDisk(beneath);

  it('loses unsynced writes with its process, and shows them until then', async () => {
    const file = await disk.open('log', { create: true });
    await disk.syncDirectory();
    await file.write(0, Buffer.from('synced'));
    await file.datasync();
    await file.write(0, Buffer.from('UNSYNCED'));
    await file.truncate(7);
    expect(await read(disk, 'log')).to.equal('UNSYNCE');
    expect(await read(killed(), 'log')).to.equal('synced');
  });

  it('loses a file whose name is not synced, however often the file is', async () => {
    const file = await disk.open('log', { create: true });
    await file.write(0, Buffer.from('x'));
    await file.datasync();
    expect(await disk.list()).to.deep.equal(['log']);
    expect(await killed().list()).to.deep.equal([]);
    expect(await beneath.list()).to.deep.equal([]);
  });

  it('gives a file that was synced first its name and content with the sync of the directory', async () => {
    const file = await disk.open('log', { create: true });
    await file.write(0, Buffer.from('x'));
    await file.datasync();
    await file.write(0, Buffer.from('lost'));
    await disk.syncDirectory();
    expect(await read(killed(), 'log')).to.equal('x');
    expect(await read(disk, 'log')).to.equal('lost');
  });

  it('undoes renames and removals that no sync of the directory covers', async () => {
    for (const name of ['a', 'b']) await (await disk.open(name, { create: true })).close();
    await disk.syncDirectory();
    await disk.rename('a', 'c');
    await disk.remove('b');
    expect(await disk.list()).to.deep.equal(['c']);
    expect(await killed().list()).to.deep.equal(['a', 'b']);
    await disk.syncDirectory();
    expect(await killed().list()).to.deep.equal(['c']);
  });

  it('covers by a sync what was written before it, and no more', async () => {
    const file = await disk.open('log', { create: true });
    await disk.syncDirectory();
    await file.write(0, Buffer.from('ab'));
    const sync = file.datasync();
    await file.write(1, Buffer.from('B'));
    await sync;
    expect(await read(killed(), 'log')).to.equal('ab');
    expect(await read(disk, 'log')).to.equal('aB');
  });

  it('leaves out the one datasync it is told to, and says nothing', async () => {
    disk = new SyncedOnlyDisk(beneath, { dropDatasync: { file: 'log', number: 2 } });
    const file = await disk.open('log', { create: true });
    await disk.syncDirectory();
    for (const content of ['1', '2']) {
      await file.write(0, Buffer.from(content));
      await file.datasync();
    }
    expect(await read(killed(), 'log')).to.equal('1');
    await file.write(1, Buffer.from('3'));
    await file.datasync();
    expect(await read(killed(), 'log')).to.equal('23');
  });

  it('meets a full disk and a failing one in a sync, which fails', async () => {
    const file = await disk.open('log', { create: true });
    beneath.capacityBytes = 1;
    await file.write(0, Buffer.from('xy'));
    expect((await rejection(file.datasync(), Error)).message).to.equal('the sync of log failed');
  });

  it('works on nothing if it cannot find out what is there', async () => {
    beneath.before = ({ kind }) => {
      if (kind === 'list') throw new Error('EIO');
    };
    expect((await rejection(disk.open('log', { create: true }), Error)).message).to.equal('EIO');
    expect((await rejection(disk.list(), Error)).message).to.equal('EIO');
  });
});
