import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import type { Disk, DiskFile } from '../../src/storage/disk.js';
import { nodeDisk } from '../../src/storage/node-disk.js';
import { rejection } from '../support/rejection.js';

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();

describe('the disk over node:fs', () => {
  let directory: string;
  let disk: Disk;
  const open: DiskFile[] = [];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-disk-'));
    disk = nodeDisk(directory);
  });

  afterEach(async () => {
    for (const file of open.splice(0)) await file.close();
    await rm(directory, { recursive: true });
  });

  const create = async (name: string): Promise<DiskFile> => {
    const file = await disk.open(name, { create: true });
    open.push(file);
    return file;
  };

  it('writes at the offsets it is told, in any order', async () => {
    const file = await create('log');
    await file.write(6, Buffer.from('world'));
    await file.write(0, Buffer.from('hello '));
    await file.write(0, Buffer.from('J'));
    expect(text(await readFile(join(directory, 'log')))).to.equal('Jello world');
    expect(await file.size()).to.equal(11);
  });

  it('fills a gap with zeros', async () => {
    const file = await create('log');
    await file.write(3, Buffer.from('x'));
    expect([...(await file.read(0, 10))]).to.deep.equal([0, 0, 0, 120]);
  });

  it('reads from an offset, and less at the end of the file', async () => {
    const file = await create('log');
    await file.write(0, Buffer.from('0123456789'));
    expect(text(await file.read(2, 3))).to.equal('234');
    expect(text(await file.read(8, 10))).to.equal('89');
    expect(await file.read(10, 5)).to.have.length(0);
  });

  it('writes a piece of a larger buffer and nothing beside it', async () => {
    const file = await create('log');
    await file.write(0, Buffer.from('0123456789').subarray(3, 6));
    expect(text(await file.read(0, 100))).to.equal('345');
  });

  it('carries large writes through whole', async () => {
    const file = await create('log');
    const bytes = Buffer.alloc(8 * 1024 * 1024, 'positioned');
    await file.write(5, bytes);
    expect(Buffer.compare(await file.read(5, bytes.length + 1), bytes)).to.equal(0);
  });

  it('opens what is there without emptying it', async () => {
    await writeFile(join(directory, 'log'), 'kept');
    const file = await create('log');
    expect(text(await file.read(0, 100))).to.equal('kept');
    await file.write(4, Buffer.from('!'));
    expect(text(await file.read(0, 100))).to.equal('kept!');
  });

  it('opens no file that is not there unless told to create it', async () => {
    expect(await rejection(disk.open('log'), Error)).to.have.property('code', 'ENOENT');
    expect(await disk.list()).to.deep.equal([]);
  });

  it('truncates, and lengthens with zeros', async () => {
    const file = await create('log');
    await file.write(0, Buffer.from('0123456789'));
    await file.truncate(4);
    expect(text(await file.read(0, 100))).to.equal('0123');
    await file.truncate(6);
    expect([...(await file.read(4, 100))]).to.deep.equal([0, 0]);
  });

  it('renames over what is there', async () => {
    const file = await create('fresh');
    await file.write(0, Buffer.from('new'));
    await writeFile(join(directory, 'current'), 'old');
    await disk.rename('fresh', 'current');
    expect(await disk.list()).to.deep.equal(['current']);
    expect(text(await readFile(join(directory, 'current')))).to.equal('new');
  });

  it('removes a file, and says so if there is none', async () => {
    await create('log');
    await disk.remove('log');
    expect(await disk.list()).to.deep.equal([]);
    expect(await rejection(disk.remove('log'), Error)).to.have.property('code', 'ENOENT');
  });

  it('lists files by name, and no directories', async () => {
    for (const name of ['b', 'a', 'c']) await create(name);
    await mkdir(join(directory, 'aa'));
    expect(await disk.list()).to.deep.equal(['a', 'b', 'c']);
  });

  it('syncs files and the directory', async () => {
    const file = await create('log');
    await file.write(0, Buffer.from('x'));
    await file.datasync();
    await disk.syncDirectory();
  });

  it('says so when the directory is gone', async () => {
    const gone = nodeDisk(join(directory, 'gone'));
    expect(await rejection(gone.list(), Error)).to.have.property('code', 'ENOENT');
    expect(await rejection(gone.syncDirectory(), Error)).to.have.property('code', 'ENOENT');
  });
});
