import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { NoSpaceError, type Disk } from '../../src/storage/disk.js';
import { StorageDamage, StorageFailure } from '../../src/storage/errors.js';
import { beginSnapshotFile, SnapshotFiles } from '../../src/storage/snapshot-files.js';
import { atEveryCrash } from '../support/crash-points.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';
import { codeBlock, hexLines, recoveryRows } from './format-page.js';

const chunkLimit = 256 * 1024;
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const emptyDisk = () => new SimulatedDisk(seededRandom(3));

async function save(
  disk: Disk,
  through: number | undefined,
  ...chunks: readonly string[]
): Promise<SnapshotFiles> {
  const files = await SnapshotFiles.open(disk);
  const writer = await files.begin(through);
  for (const chunk of chunks) await writer.write(Buffer.from(chunk));
  await writer.commit();
  return files;
}

const saved = async (saving: Promise<SnapshotFiles>): Promise<void> => {
  await saving;
};

async function contentOf(disk: Disk, through: number | undefined): Promise<string[]> {
  const files = await SnapshotFiles.open(disk);
  const chunks: string[] = [];
  for await (const chunk of files.read(through)) chunks.push(text(chunk));
  return chunks;
}

const throughs = (files: SnapshotFiles): (number | undefined)[] => files.list().map(({ through }) => through);
const name = (number: number): string => `snapshot-${String(number).padStart(16, '0')}`;

async function saveOrAbandon(files: SnapshotFiles): Promise<void> {
  const writer = await files.begin(6);
  try {
    await writer.write(Buffer.alloc(350, 'x'));
    await writer.commit();
  } catch (error) {
    await rejection(writer.write(Buffer.from('after that')), Error);
    await writer.abandon();
    throw error;
  }
}

/** That reading each copy of `disk` which `damages` makes ends in StorageDamage. */
async function refusesAll(disk: SimulatedDisk, damages: ((copy: SimulatedDisk) => void)[]): Promise<void> {
  for (const damage of damages) {
    const copy = disk.image();
    damage(copy);
    const error = await rejection(contentOf(copy, 6), StorageDamage);
    expect(error.file).to.equal(name(7));
    expect(error.message).to.match(
      /: (at byte [0-9]+: )?.+\. (Nothing of it is used|Read it with the version)/,
    );
  }
}

async function refusesAnyChange(): Promise<void> {
  const disk = emptyDisk();
  const files = await save(disk, 6, 'abc', 'd');
  const bytes = disk.content(name(7));
  expect(files.list()).to.deep.equal([{ through: 6, bytes: bytes.length }]);
  const places = Array.from(bytes, (_, index) => index);
  await refusesAll(
    disk,
    places.flatMap((byte) =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (copy) => copy.flipBit(name(7), byte, bit)),
    ),
  );
  await refusesAll(
    disk,
    places.map((length) => (copy) => copy.cutFile(name(7), length)),
  );
  await refusesAll(
    disk,
    [Uint8Array.of(0), Uint8Array.of(1), bytes.subarray(512), bytes].map(
      (more) => (copy) => copy.overwrite(name(7), bytes.length, more),
    ),
  );
}

/** One test a row of the table in docs/storage-format.md. */
const recovery: Readonly<Record<string, () => Promise<void>>> = {
  'no snapshot: the list is empty': async () => {
    expect(throughs(await SnapshotFiles.open(emptyDisk()))).to.deep.equal([]);
  },
  'a whole snapshot: it is listed, and read': async () => {
    const disk = emptyDisk();
    await save(disk, 6, 'abc', 'd');
    expect(throughs(await SnapshotFiles.open(disk))).to.deep.equal([6]);
    expect(await contentOf(disk, 6)).to.deep.equal(['abc', 'd']);
  },
  'several snapshots: all are listed, the newest first': async () => {
    const disk = emptyDisk();
    for (const through of [9, undefined, 1_000, 10]) await save(disk, through, 'x');
    expect(throughs(await SnapshotFiles.open(disk))).to.deep.equal([1_000, 10, 9, undefined]);
  },
  'a temporary file: it is removed at the start': async () => {
    const disk = emptyDisk();
    await save(disk, 6, 'abc');
    const writer = await (await SnapshotFiles.open(disk)).begin(8);
    await writer.write(Buffer.from('half'));
    expect(await disk.list()).to.have.length(2);
    expect(throughs(await SnapshotFiles.open(disk))).to.deep.equal([6]);
    expect(await disk.list()).to.deep.equal([name(7)]);
  },
  'any bit differs, or the file is shorter or longer: it is listed; reading it ends in StorageDamage':
    refusesAnyChange,
  "a snapshot under another one's name: reading it ends in StorageDamage": async () => {
    const disk = emptyDisk();
    await save(disk, 6, 'abc');
    await disk.rename(name(7), name(8));
    const { message } = await rejection(contentOf(disk, 7), StorageDamage);
    expect(message).to.match(/it is snapshot 7 under another one's name/);
  },
  'a format version that is not known: reading it ends in StorageDamage, which names both versions':
    async () => {
      const disk = emptyDisk();
      await save(disk, 6, 'abc');
      const header = Buffer.from(disk.content(name(7)).subarray(0, 508));
      header.writeUInt32LE(2, 8);
      const checksum = Buffer.alloc(4);
      checksum.writeUInt32LE(crc32(header));
      disk.overwrite(name(7), 0, Buffer.concat([header, checksum]));
      const { message } = await rejection(contentOf(disk, 6), StorageDamage);
      expect(message).to.match(/format version 2, and this program reads version 1 only/);
    },
  'a file of any other name: it is left alone': async () => {
    const disk = emptyDisk();
    const others = ['identity', 'snapshot-7', 'snapshot-9999999999999999', `x${name(7)}`, 'other.tmp'];
    for (const other of others) await (await disk.open(other, { create: true })).close();
    expect(throughs(await SnapshotFiles.open(disk))).to.deep.equal([]);
    expect(await disk.list()).to.have.members(others);
  },
};

describe('snapshot files', () => {
  for (const [row, test] of Object.entries(recovery)) it(row, test);

  it('are found in no other state than the page on the format says', () => {
    expect(Object.keys(recovery)).to.have.members(recoveryRows('## Snapshot files'));
  });

  it('are bytes as the page on the format shows them', async () => {
    const disk = emptyDisk();
    await save(disk, 6, 'abc');
    expect(hexLines(disk.content(name(7)))).to.equal(codeBlock('### A worked example'));
  });

  it('hold chunks of one byte up to the limit, many of them, or none', async () => {
    const disk = emptyDisk();
    const files = await SnapshotFiles.open(disk);
    const chunks = [1, chunkLimit, 2, chunkLimit, chunkLimit - 1, 700, 5, chunkLimit].map((length, index) =>
      Buffer.alloc(length, index + 1),
    );
    const writer = await files.begin(6);
    for (const chunk of chunks) await writer.write(chunk);
    await writer.commit();
    let index = 0;
    for await (const chunk of files.read(6)) {
      expect(Buffer.compare(chunk, chunks[index]!)).to.equal(0);
      index += 1;
    }
    expect(index).to.equal(chunks.length);
    await save(disk, undefined);
    expect(await contentOf(disk, undefined)).to.deep.equal([]);
  });

  it('refuse a chunk that is empty or past the limit', async () => {
    const files = await SnapshotFiles.open(emptyDisk());
    for (const length of [0, chunkLimit + 1]) {
      const writer = await files.begin(6);
      const { message } = await rejection(writer.write(Buffer.alloc(length)), RangeError);
      expect(message).to.equal(`a chunk has 1 to 262144 bytes, not ${length}`);
      await writer.abandon();
    }
  });

  it('are read in pieces, whatever their size', async () => {
    const disk = emptyDisk();
    const files = await SnapshotFiles.open(disk);
    const writer = await files.begin(6);
    for (let count = 0; count < 20; count += 1) await writer.write(Buffer.alloc(chunkLimit, count));
    await writer.commit();
    const reads: number[] = [];
    disk.before = ({ kind, length }) => {
      if (kind === 'read') reads.push(length);
    };
    let chunks = 0;
    for await (const chunk of files.read(6)) {
      chunks += 1;
      expect(reads.length).to.be.lessThanOrEqual(chunks + 1, `reads for ${chunk.length} bytes`);
    }
    expect(Math.max(...reads)).to.be.lessThanOrEqual(2 * chunkLimit);
    expect(reads.length).to.be.greaterThan(5);
  });

  it('see a chunk replaced by another good one', async () => {
    const disk = emptyDisk();
    await save(disk, 6, 'abc', 'd');
    const other = emptyDisk();
    await save(other, 6, 'xyz', 'd');
    disk.overwrite(name(7), 512, other.content(name(7)).subarray(512, 512 + 19));
    const { message } = await rejection(contentOf(disk, 6), StorageDamage);
    expect(message).to.match(/at byte 548: the closing does not match the 2 chunks \(4 bytes\)/);
  });

  it('see a chunk that is out of its place', async () => {
    const disk = emptyDisk();
    await save(disk, 6, 'abc', 'def');
    disk.overwrite(name(7), 512, disk.content(name(7)).subarray(531, 550));
    const { message } = await rejection(contentOf(disk, 6), StorageDamage);
    expect(message).to.match(/at byte 512: here is chunk 1 where chunk 0 belongs/);
  });

  it('close what they read, also if the reader stops half way', async () => {
    const disk = emptyDisk();
    const files = await save(disk, 6, 'abc', 'd');
    const { open, close } = disk.counts;
    for await (const chunk of files.read(6)) {
      expect(text(chunk)).to.equal('abc');
      break;
    }
    expect([disk.counts.open - open, disk.counts.close - close]).to.deep.equal([1, 1]);
  });

  it('do not exist before they are committed, and not at all when abandoned', async () => {
    const disk = emptyDisk();
    const files = await SnapshotFiles.open(disk);
    const writer = await files.begin(6);
    await writer.write(Buffer.from('abc'));
    expect(files.list()).to.deep.equal([]);
    await writer.abandon();
    expect(await disk.list()).to.deep.equal([]);
    expect(files.list()).to.deep.equal([]);
    await rejection(writer.write(Buffer.from('x')), Error);
  });

  it('stay when abandoned after the commit', async () => {
    const disk = emptyDisk();
    const files = await SnapshotFiles.open(disk);
    const writer = await files.begin(6);
    await writer.commit();
    await writer.abandon();
    await rejection(writer.commit(), Error);
    expect(throughs(await SnapshotFiles.open(disk))).to.deep.equal([6]);
  });

  it('may be two in the making through the same slot; the one that is committed last stays', async () => {
    const disk = emptyDisk();
    const files = await SnapshotFiles.open(disk);
    const [one, other] = [await files.begin(6), await files.begin(6)];
    await one.write(Buffer.from('one'));
    await other.write(Buffer.from('the other'));
    await one.commit();
    expect(await contentOf(disk.image(), 6)).to.deep.equal(['one']);
    await other.commit();
    expect(await contentOf(disk, 6)).to.deep.equal(['the other']);
    expect(files.list()).to.deep.equal([{ through: 6, bytes: disk.content(name(7)).length }]);
  });

  it('are there whole or not at all after a power cut in any moment of the writing, and there once committed', async () => {
    await atEveryCrash({
      prepare: (disk) => saved(save(disk, 2, 'old')),
      act: (disk) => saved(save(disk, 6, 'abc', 'd')),
      check: async (disk, ended) => {
        const files = await SnapshotFiles.open(disk);
        expect(await contentOf(disk, 2)).to.deep.equal(['old']);
        if (ended) expect(throughs(files)).to.deep.equal([6, 2]);
        if (throughs(files).includes(6)) expect(await contentOf(disk, 6)).to.deep.equal(['abc', 'd']);
        expect(await disk.list()).to.have.length(files.list().length);
      },
    });
  });

  it('are replaced whole: the old one or the new one is there after a power cut', async () => {
    await atEveryCrash({
      prepare: (disk) => saved(save(disk, 6, 'old')),
      act: (disk) => saved(save(disk, 6, 'new')),
      check: async (disk, ended) => {
        const [content] = await contentOf(disk, 6);
        expect(content).to.be.oneOf(ended ? ['new'] : ['old', 'new']);
      },
    });
  });

  it('keep the newest, and those named, through a power cut while older ones go', async () => {
    await atEveryCrash({
      prepare: async (disk) => {
        for (const through of [undefined, 1, 6, 9]) await save(disk, through, `through ${through}`);
      },
      act: async (disk) => (await SnapshotFiles.open(disk)).removeOlder(6),
      check: async (disk, ended) => {
        const files = await SnapshotFiles.open(disk);
        expect(throughs(files).slice(0, 2)).to.deep.equal([9, 6]);
        for (const through of throughs(files))
          expect(await contentOf(disk, through)).to.deep.equal([`through ${through}`]);
        if (ended) expect(files.list()).to.have.length(2);
      },
    });
  });

  it('go one by one, or all that are older than one that is there', async () => {
    const disk = emptyDisk();
    for (const through of [undefined, 1, 6, 9]) await save(disk, through, 'x');
    const files = await SnapshotFiles.open(disk);
    await rejection(files.removeOlder(7), Error);
    expect(files.list()).to.have.length(4);
    await files.removeOlder(6);
    expect(throughs(files)).to.deep.equal([9, 6]);
    await files.remove(9);
    await files.remove(77);
    expect(throughs(files)).to.deep.equal([6]);
    expect(await disk.crash('nothing').list()).to.deep.equal([name(7)]);
  });

  it('leave nothing on a full disk once abandoned, wherever it was met', async () => {
    const roomNeeded = 512 + 16 + 350 + 24;
    for (let room = 0; room < roomNeeded; room += 41) {
      const disk = emptyDisk();
      await save(disk, 2, 'old');
      disk.capacityBytes = disk.usedBytes + room;
      const files = await SnapshotFiles.open(disk);
      await rejection(saveOrAbandon(files), NoSpaceError);
      expect(await disk.list()).to.deep.equal([name(3)]);
      expect(throughs(files)).to.deep.equal([2]);
      disk.capacityBytes = disk.usedBytes + roomNeeded;
      await saveOrAbandon(files);
      expect(throughs(files)).to.deep.equal([6, 2]);
    }
  });

  it('end in StorageFailure when a sync fails, which is not tried again', async () => {
    const disk = emptyDisk();
    const writer = await (await SnapshotFiles.open(disk)).begin(6);
    disk.failNextSync(new NoSpaceError('ENOSPC out of a sync'));
    await rejection(writer.commit(), StorageFailure);
    await rejection(writer.commit(), Error);
    expect(disk.counts.datasync).to.equal(1);
    expect(throughs(await SnapshotFiles.open(disk.crash('everything')))).to.deep.equal([]);
  });

  it('end in StorageFailure when the disk fails, at whatever step', async () => {
    for (const kind of ['open', 'write', 'datasync', 'rename', 'sync-directory'] as const) {
      const disk = emptyDisk();
      disk.before = (operation) => {
        if (operation.kind === kind) throw new Error('EIO');
      };
      await rejection(save(disk, 6, 'abc'), StorageFailure);
    }
  });

  it('tell what they have done, in order', async () => {
    const events: string[] = [];
    const files = await SnapshotFiles.open(emptyDisk(), (event) => events.push(event));
    const writer = await files.begin(6);
    await writer.write(Buffer.from('a'));
    await writer.write(Buffer.from('b'));
    await writer.commit();
    await files.remove(6);
    expect(events).to.deep.equal([
      'snapshot-begun',
      'snapshot-chunk-written',
      'snapshot-chunk-written',
      'snapshot-synced',
      'snapshot-renamed',
      'snapshot-removed',
    ]);
  });

  it('may have any name, for a backup', async () => {
    const disk = emptyDisk();
    const writer = await beginSnapshotFile(disk, 'backup', 6);
    await writer.write(Buffer.from('abc'));
    expect(await disk.list()).to.deep.equal(['backup.tmp']);
    await writer.commit();
    const next = await beginSnapshotFile(disk, 'backup', 6);
    await writer.abandon();
    await next.write(Buffer.from('abc'));
    await next.commit();
    await save(disk, 6, 'abc');
    expect(disk.content('backup')).to.deep.equal(disk.content(name(7)));
  });
});
