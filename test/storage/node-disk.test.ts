import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { NoSpaceError, type Disk } from '../../src/storage/disk.js';
import { isDiskFull, nodeDisk } from '../../src/storage/node-disk.js';
import { rejection } from '../support/rejection.js';

// What every disk does is in disk-conformance.test.ts.
describe('the disk over node:fs', () => {
  let directory: string;
  let disk: Disk;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-disk-'));
    disk = nodeDisk(directory);
  });

  afterEach(() => rm(directory, { recursive: true }));

  it('lists no directories', async () => {
    await mkdir(join(directory, 'folder'));
    expect(await disk.list()).to.deep.equal([]);
  });

  it('says so when the directory is gone', async () => {
    const gone = nodeDisk(join(directory, 'gone'));
    expect(await rejection(gone.list(), Error)).to.have.property('code', 'ENOENT');
    expect(await rejection(gone.syncDirectory(), Error)).to.have.property('code', 'ENOENT');
  });

  it('refuses a write to a full disk with an error of its own, which names the file', async () => {
    await symlink('/dev/full', join(directory, 'log'));
    const file = await disk.open('log');
    const error = await rejection(file.write(0, Buffer.from('x')), NoSpaceError);
    expect(error.message).to.equal(`no space left on the disk for ${join(directory, 'log')}`);
    expect(error.cause).to.have.property('code', 'ENOSPC');
    await file.close();
  });

  it('leaves other errors as they are', async () => {
    await mkdir(join(directory, 'folder'));
    expect(await rejection(disk.open('folder'), Error)).to.have.property('code', 'EISDIR');
  });

  it('takes a used-up quota for a full disk', () => {
    const failed = (code: string) => Object.assign(new Error(code), { code });
    expect(['ENOSPC', 'EDQUOT', 'EIO', 'EFBIG'].map((code) => isDiskFull(failed(code)))).to.deep.equal([
      true,
      true,
      false,
      false,
    ]);
  });
});
