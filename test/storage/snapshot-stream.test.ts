import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { NoSpaceError, type DiskFile } from '../../src/storage/disk.js';
import { StorageDamage, StorageFailure } from '../../src/storage/errors.js';
import { readSnapshotFrom, SnapshotStream } from '../../src/storage/snapshot-stream.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const abc = [Buffer.from('abc'), Buffer.from('d')];

async function chunksIn(file: DiskFile): Promise<string[]> {
  const chunks: string[] = [];
  for await (const chunk of (await readSnapshotFrom(file, 'backup')).chunks) {
    chunks.push(Buffer.from(chunk).toString());
  }
  return chunks;
}

describe('a snapshot in a file of any name', () => {
  let disk: SimulatedDisk;
  let file: DiskFile;
  const write = async (through: number | undefined): Promise<void> => {
    const stream = new SnapshotStream(file, 'backup');
    await stream.begin(through);
    for (const chunk of abc) await stream.chunk(chunk);
    await stream.close();
  };

  beforeEach(async () => {
    disk = new SimulatedDisk(seededRandom(1));
    file = await disk.open('backup', { create: true });
  });

  it('is synced', async () => {
    await disk.syncDirectory();
    await write(6);
    const found = await disk.crash('nothing').open('backup');
    expect((await readSnapshotFrom(found, 'backup')).through).to.equal(6);
    expect(await chunksIn(found)).to.deep.equal(['abc', 'd']);
  });

  it('may come before any slot', async () => {
    await write(undefined);
    expect(await readSnapshotFrom(file, 'backup')).to.have.property('through', undefined);
    expect(await chunksIn(file)).to.deep.equal(['abc', 'd']);
  });

  it('is told from other files by its first bytes', async () => {
    await file.write(0, Buffer.alloc(2_000, 'x'));
    const { message } = await rejection(readSnapshotFrom(file, 'notes.txt'), StorageDamage);
    expect(message).to.match(
      /^notes.txt: at byte 0: it does not begin with SYNODSNP, so it is no snapshot\./,
    );
  });

  it('is no snapshot when its writing ended early', async () => {
    disk.capacityBytes = 531;
    await rejection(write(6), NoSpaceError);
    expect((await rejection(chunksIn(file), StorageDamage)).message).to.match(
      /at byte 531: the file ends here/,
    );
    disk.capacityBytes = Infinity;
    disk.failNextSync(new Error('EIO'));
    await rejection(write(6), StorageFailure);
  });
});
