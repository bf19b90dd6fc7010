import { expect } from 'chai';
import fc from 'fast-check';
import { seededRandom } from '../../src/runtime/random.js';
import { NoSpaceError } from '../../src/storage/disk.js';
import { StorageDamage, StorageFailure } from '../../src/storage/errors.js';
import { readSealed, temporarySuffix, writeSealed } from '../../src/storage/sealed-file.js';
import { atEveryCrash } from '../support/crash-points.js';
import { rejection } from '../support/rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';
import { codeBlock, recoveryRows } from './format-page.js';

const first = { replica: 1, members: ['a', 'b'] };
const second = { replica: 1, members: ['a', 'b', 'c'], note: 'a longer one' };
const temporary = `identity${temporarySuffix}`;

const emptyDisk = () => new SimulatedDisk(seededRandom(5));

async function diskWith(value: unknown): Promise<SimulatedDisk> {
  const disk = emptyDisk();
  await writeSealed(disk, 'identity', value);
  return disk;
}

const put = async (disk: SimulatedDisk, name: string, content: string): Promise<void> => {
  const file = await disk.open(name, { create: true });
  await file.write(0, Buffer.from(content));
  await file.close();
};

/** That every copy of `disk` which `damages` makes is refused. */
async function refusesAll(disk: SimulatedDisk, damages: ((copy: SimulatedDisk) => void)[]): Promise<void> {
  for (const damage of damages) {
    const copy = disk.image();
    damage(copy);
    const error = await rejection(readSealed(copy, 'identity'), StorageDamage);
    expect(error.file).to.equal('identity');
    expect(error.message).to.match(/^identity: .+\. Its promises cannot be vouched for/);
  }
}

async function refusesAnyChange(): Promise<void> {
  const disk = await diskWith(first);
  const bytes = disk.content('identity');
  const places = Array.from(bytes, (_, index) => index);
  await refusesAll(
    disk,
    places.flatMap((byte) =>
      [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => (copy) => copy.flipBit('identity', byte, bit)),
    ),
  );
  await refusesAll(
    disk,
    places.map((length) => (copy) => copy.cutFile('identity', length)),
  );
  await refusesAll(
    disk,
    ['\n', '\0', 'x', Buffer.from(bytes).toString()].map(
      (more) => (copy) => copy.overwrite('identity', bytes.length, Buffer.from(more)),
    ),
  );
}

/** One test a row of the table in docs/storage-format.md. */
const recovery: Readonly<Record<string, () => Promise<void>>> = {
  'no file: it reads as absent': async () => {
    expect(await readSealed(emptyDisk(), 'identity')).to.equal(undefined);
  },
  'a whole file: its value is read': async () => {
    expect(await readSealed(await diskWith(first), 'identity')).to.deep.equal(first);
  },
  'a temporary file beside it, in whatever state: the temporary file is not looked at; the next write replaces it':
    async () => {
      for (const content of ['', '{', 'a'.repeat(10_000)]) {
        const disk = await diskWith(first);
        await put(disk, temporary, content);
        expect(await readSealed(disk, 'identity')).to.deep.equal(first);
        await writeSealed(disk, 'identity', second);
        expect(await disk.list()).to.deep.equal(['identity']);
        expect(await readSealed(disk, 'identity')).to.deep.equal(second);
      }
    },
  'a temporary file alone: it reads as absent': async () => {
    const disk = await diskWith(first);
    await disk.rename('identity', temporary);
    expect(await readSealed(disk, 'identity')).to.equal(undefined);
  },
  'any bit differs, or the file is shorter or longer: StorageDamage; the replica does not start':
    refusesAnyChange,
};

describe('a sealed file', () => {
  for (const [row, test] of Object.entries(recovery)) it(row, test);

  it('is found in no other state than the page on the format says', () => {
    expect(Object.keys(recovery)).to.have.members(recoveryRows('## Sealed files'));
  });

  it('is text as the page on the format shows it', async () => {
    const disk = await diskWith({ since: 2048, reason: 'é' });
    expect(Buffer.from(disk.content('identity')).toString()).to.equal(codeBlock('## Sealed files'));
  });

  it('gives back any value that JSON has', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), async (value) => {
        const disk = await diskWith(value);
        expect(await readSealed(disk, 'identity')).to.deep.equal(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('refuses a value that JSON has not, and leaves the old one', async () => {
    const disk = await diskWith(first);
    await rejection(writeSealed(disk, 'identity', undefined), TypeError);
    expect(await readSealed(disk, 'identity')).to.deep.equal(first);
  });

  it('is no document with a right checksum that is not JSON', async () => {
    const disk = emptyDisk();
    await put(disk, 'identity', 'crc32 00000000\n');
    expect((await rejection(readSealed(disk, 'identity'), StorageDamage)).problem).to.match(/not JSON/);
  });

  it('is the old one or the new one after a power cut at any moment, and the new one once written', async () => {
    const points = await atEveryCrash({
      prepare: (disk) => writeSealed(disk, 'identity', first),
      act: (disk) => writeSealed(disk, 'identity', second),
      check: async (disk, ended) => {
        const value = await readSealed(disk, 'identity');
        expect(value).to.deep.equal(
          ended || (value !== undefined && 'note' in (value as object)) ? second : first,
        );
      },
    });
    expect(points).to.equal(8);
  });

  it('is absent or whole after a power cut in its first write', async () => {
    let found = 0;
    await atEveryCrash({
      prepare: () => Promise.resolve(),
      act: (disk) => writeSealed(disk, 'identity', first),
      check: async (disk, ended) => {
        const value = await readSealed(disk, 'identity');
        if (value !== undefined || ended) expect(value).to.deep.equal(first);
        found += value === undefined ? 0 : 1;
      },
    });
    expect(found).to.be.greaterThan(6);
  });

  it('stays as it was when the disk is full, with nothing beside it', async () => {
    const disk = await diskWith(first);
    disk.capacityBytes = disk.usedBytes + 20;
    await rejection(writeSealed(disk, 'identity', second), NoSpaceError);
    expect(await disk.list()).to.deep.equal(['identity']);
    expect(await readSealed(disk, 'identity')).to.deep.equal(first);
  });

  it('stays as it was when the sync of the new one fails, which is not tried again', async () => {
    const disk = await diskWith(first);
    const { datasync } = disk.counts;
    disk.failNextSync(new NoSpaceError('ENOSPC out of a sync'));
    await rejection(writeSealed(disk, 'identity', second), StorageFailure);
    expect(disk.counts.datasync).to.equal(datasync + 1);
    expect(await readSealed(disk.crash(), 'identity')).to.deep.equal(first);
  });

  it('fails when the disk does, at whatever step', async () => {
    for (const kind of ['open', 'write', 'datasync', 'rename', 'sync-directory'] as const) {
      const disk = await diskWith(first);
      disk.before = (operation) => {
        if (operation.kind === kind) throw new Error('EIO');
      };
      await rejection(writeSealed(disk, 'identity', second), StorageFailure);
    }
  });

  it('is not taken for absent when it cannot be opened', async () => {
    const disk = await diskWith(first);
    disk.before = ({ kind }) => {
      if (kind === 'open') throw Object.assign(new Error('EIO'), { code: 'EIO' });
    };
    expect((await rejection(readSealed(disk, 'identity'), Error)).message).to.equal('EIO');
  });
});
