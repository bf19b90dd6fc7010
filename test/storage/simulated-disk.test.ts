import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { NoSpaceError, type DiskFile } from '../../src/storage/disk.js';
import { rejection, thrown } from '../support/rejection.js';
import { sectorBytes, SimulatedDisk } from '../../src/sim/simulated-disk.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const seeds = Array.from({ length: 200 }, (_, index) => index);

/** What each of many seeds answers, without repetition, sorted. */
async function outcomes(run: (disk: SimulatedDisk) => Promise<string>): Promise<string[]> {
  const found = new Set<string>();
  for (const seed of seeds) found.add(await run(new SimulatedDisk(seededRandom(seed))));
  return [...found].sort();
}

/** Which of `letters` each sector of a file begins with; `.` is zero. */
const sectorsOf = (content: Uint8Array): string =>
  Array.from({ length: Math.ceil(content.length / sectorBytes) }, (_, index) => {
    const byte = content[index * sectorBytes]!;
    return byte === 0 ? '.' : String.fromCharCode(byte);
  }).join('');

const sectors = (letters: string): Buffer =>
  Buffer.concat(letters.split('').map((letter) => Buffer.alloc(sectorBytes, letter)));

async function durable(disk: SimulatedDisk, name: string, content: Uint8Array | string): Promise<DiskFile> {
  const file = await disk.open(name, { create: true });
  await file.write(0, Buffer.from(content));
  await file.datasync();
  await disk.syncDirectory();
  return file;
}

describe('the simulated disk', () => {
  let disk: SimulatedDisk;

  beforeEach(() => {
    disk = new SimulatedDisk(seededRandom(7));
  });

  it('ends with a crash, and every file that is open with it', async () => {
    const file = await durable(disk, 'log', 'x');
    disk.crash();
    for (const attempt of [file.read(0, 1), file.write(0, Buffer.from('y')), file.datasync(), disk.list()]) {
      expect((await rejection(attempt, Error)).message).to.match(/power was cut/);
    }
  });

  it('keeps through a crash what is synced', async () => {
    await durable(disk, 'log', 'kept');
    for (const survival of ['random', 'nothing', 'everything'] as const) {
      expect(text(disk.image().crash(survival).content('log'))).to.equal('kept');
    }
    expect(text(disk.crash().content('log'))).to.equal('kept');
  });

  it('keeps or drops each sector that is not synced', async () => {
    const after = await outcomes(async (disk) => {
      const file = await durable(disk, 'log', sectors('abc'));
      await file.write(0, sectors('A'));
      await file.write(2 * sectorBytes, sectors('C'));
      return sectorsOf(disk.crash().content('log'));
    });
    expect(after).to.deep.equal(['AbC', 'Abc', 'abC', 'abc']);
  });

  it('keeps or drops sectors and the new length of a file that grew', async () => {
    const after = await outcomes(async (disk) => {
      const file = await durable(disk, 'log', sectors('a'));
      await file.write(sectorBytes, sectors('BC'));
      return sectorsOf(disk.crash().content('log'));
    });
    expect(after).to.deep.equal(['a', 'a..', 'a.C', 'aB.', 'aBC']);
  });

  it('keeps or undoes a truncation', async () => {
    const after = await outcomes(async (disk) => {
      const file = await durable(disk, 'log', sectors('ab'));
      await file.truncate(sectorBytes);
      return sectorsOf(disk.crash().content('log'));
    });
    expect(after).to.deep.equal(['a', 'ab']);
  });

  it('drops or keeps everything if told so', async () => {
    const file = await durable(disk, 'log', sectors('ab'));
    await file.write(0, sectors('ABC'));
    await disk.rename('log', 'moved');
    expect(sectorsOf(disk.crash('nothing').content('log'))).to.equal('ab');
    expect(sectorsOf(disk.crash('everything').content('moved'))).to.equal('ABC');
  });

  it('covers by a sync what was written before it began, and no more', async () => {
    const file = await durable(disk, 'log', sectors('ab'));
    await file.write(0, sectors('A'));
    let begun = (): void => undefined;
    disk.before = ({ kind }) => (kind === 'datasync' ? new Promise((go) => (begun = go)) : undefined);
    const sync = file.datasync();
    await file.write(sectorBytes, sectors('B'));
    begun();
    await sync;
    expect(sectorsOf(disk.crash('nothing').content('log'))).to.equal('Ab');
  });

  it('keeps or undoes creates, renames and removals that no sync of the directory covers', async () => {
    const after = await outcomes(async (disk) => {
      await durable(disk, 'old', '');
      await durable(disk, 'gone', '');
      await disk.rename('old', 'new');
      await disk.remove('gone');
      await (await disk.open('made', { create: true })).datasync();
      return (await disk.crash().list()).join(' ');
    });
    expect(after).to.have.members([
      'new',
      'old',
      'gone new',
      'gone old',
      'made new',
      'made old',
      'gone made new',
      'gone made old',
    ]);
  });

  it('puts the old file or the new one in place by a rename, whatever is kept of it', async () => {
    const after = await outcomes(async (disk) => {
      await durable(disk, 'current', 'old');
      await (await disk.open('fresh', { create: true })).write(0, Buffer.from('new'));
      await disk.rename('fresh', 'current');
      return text(disk.crash().content('current'));
    });
    expect(after).to.deep.equal(['', '\0\0\0', 'new', 'old']);
  });

  it('fails a sync when told to, and never makes good what that sync was to cover', async () => {
    const file = await durable(disk, 'log', sectors('a'));
    await file.write(0, sectors('A'));
    disk.failNextSync(new Error('EIO'), 'log', 'nothing');
    expect((await rejection(file.datasync(), Error)).message).to.equal('EIO');
    await file.datasync();
    expect(sectorsOf(disk.content('log'))).to.equal('A');
    expect(sectorsOf(disk.crash('everything').content('log'))).to.equal('a');
  });

  it('fails a write when told to, with a part of it there', async () => {
    const after = await outcomes(async (disk) => {
      const file = await disk.open('log', { create: true });
      disk.failNextWrite(new Error('EIO'), 'other');
      disk.failNextWrite(new Error('EIO'), 'log');
      await rejection(file.write(0, Buffer.from('ab')), Error);
      return text(disk.content('log'));
    });
    expect(after).to.deep.equal(['', 'a', 'ab']);
  });

  it('asks before every operation, and does not carry out one that is refused', async () => {
    const asked: unknown[] = [];
    disk.before = ({ kind, file, offset, length }) => {
      asked.push([kind, file, offset, length]);
      if (kind === 'write') throw new Error('refused');
    };
    const file = await disk.open('log', { create: true });
    await rejection(file.write(3, Buffer.from('xy')), Error);
    await file.truncate(1);
    expect(asked).to.deep.equal([
      ['open', 'log', 0, 0],
      ['write', 'log', 3, 2],
      ['truncate', 'log', 0, 1],
    ]);
    expect([...disk.content('log')]).to.deep.equal([0]);
    expect(disk.counts).to.include({ open: 1, write: 1, truncate: 1, datasync: 0 });
  });

  it('does not carry out an operation before which it crashed', async () => {
    const file = await durable(disk, 'log', 'old');
    let after: SimulatedDisk | undefined;
    disk.before = () => void (after = disk.crash('everything'));
    await rejection(file.write(0, Buffer.from('new')), Error);
    expect(text(after!.content('log'))).to.equal('old');
  });

  it('fills up: what does not fit is refused, with the part that fits written', async () => {
    const file = await durable(disk, 'log', '0123');
    disk.capacityBytes = 6;
    const error = await rejection(file.write(3, Buffer.from('abcdef')), NoSpaceError);
    expect(error.message).to.match(/log/);
    expect(text(disk.content('log'))).to.equal('012abc');
    await rejection(file.truncate(7), NoSpaceError);
    await file.write(0, Buffer.from('ABCDEF'));
    expect(disk.usedBytes).to.equal(6);
    await file.truncate(1);
    await file.write(1, Buffer.from('xyz'));
    expect(text(disk.content('log'))).to.equal('Axyz');
    await rejection((await disk.open('more', { create: true })).write(90, Buffer.from('x')), NoSpaceError);
    expect(disk.content('more')).to.have.length(0);
    await disk.remove('log');
    await durable(disk, 'more', '123456');
  });

  it('loses a write that it acknowledged and synced', async () => {
    const file = await durable(disk, 'log', sectors('ab'));
    disk.loseNextWrite('log');
    await file.write(0, sectors('A'));
    await file.write(sectorBytes, sectors('B'));
    await file.datasync();
    expect(sectorsOf(disk.content('log'))).to.equal('AB');
    expect(sectorsOf(disk.crash('everything').content('log'))).to.equal('aB');
  });

  it('puts a write elsewhere', async () => {
    const file = await durable(disk, 'log', sectors('abc'));
    disk.misdirectNextWrite(2);
    await file.write(0, sectors('A'));
    await file.datasync();
    expect(sectorsOf(disk.crash('nothing').content('log'))).to.equal('abA');
  });

  it('is damaged at will', async () => {
    await durable(disk, 'log', 'ab');
    disk.flipBit('log', 1, 0);
    expect(text(disk.content('log'))).to.equal('ac');
    disk.overwrite('log', 1, Buffer.from('xyz'));
    expect(text(disk.content('log'))).to.equal('axyz');
    disk.cutFile('log', 2);
    expect(text(disk.image().crash('nothing').content('log'))).to.equal('ax');
    thrown(() => disk.flipBit('log', 2, 0), RangeError);
    disk.removeFile('log');
    expect(await disk.crash('nothing').list()).to.deep.equal([]);
  });

  it('is copied deeply, with all that is not synced', async () => {
    const file = await durable(disk, 'log', 'old');
    await file.write(0, Buffer.from('new'));
    const image = disk.image();
    await file.write(0, Buffer.from('NEW'));
    expect(text(image.crash('nothing').content('log'))).to.equal('new');
  });

  it('does the same again for the same seed', async () => {
    const run = async (): Promise<string> => {
      const disk = new SimulatedDisk(seededRandom(99));
      const file = await durable(disk, 'log', sectors('abcdefghijklmnop'));
      await file.write(0, sectors('ABCDEFGHIJKLMNOP'));
      return sectorsOf(disk.crash().content('log'));
    };
    const first = await run();
    expect(first).to.match(/[a-p]/).and.to.match(/[A-P]/);
    expect(await run()).to.equal(first);
  });
});
