import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { openDirectory, UnusableDirectory } from '../../src/storage/node-directory.js';
import { DirectoryInUse, lockDirectory } from '../../src/storage/node-directory-lock.js';
import { DirectoryHolders, killed, said } from '../support/directory-holders.js';
import { rejection } from '../support/rejection.js';
import { recoveryRows } from './format-page.js';

const nobody = 65_534;

/** Runs without the rights of root, for which permission bits do not count. */
async function withoutPrivileges<Result>(act: () => Promise<Result>): Promise<Result> {
  if (process.getuid?.() !== 0) return act();
  process.seteuid!(nobody);
  try {
    return await act();
  } finally {
    process.seteuid!(0);
  }
}

/** One test a row of the table in docs/storage-format.md; each is given a directory that is empty. */
const recovery: Readonly<Record<string, (parent: string) => Promise<void>>> = {
  'no directory: it is made, and its entry synced': async (parent) => {
    const synced: string[] = [];
    const sync = (path: string): Promise<void> => {
      synced.push(path);
      return Promise.resolve();
    };
    const disk = await openDirectory(join(parent, 'a', 'b'), sync);
    expect(await disk.list()).to.deep.equal([]);
    expect(await readdir(join(parent, 'a', 'b'))).to.deep.equal([]);
    expect(synced).to.deep.equal([join(parent, 'a'), parent]);
    await openDirectory(join(parent, 'a', 'b'), sync);
    expect(synced).to.deep.equal([join(parent, 'a'), parent, join(parent, 'a')]);
  },
  'a file where the directory should be: the start is refused, and says so': async (parent) => {
    const file = join(parent, 'file');
    await writeFile(file, '');
    for (const path of [file, join(file, 'data')]) {
      const { message } = await rejection(openDirectory(path), UnusableDirectory);
      expect(message).to.equal(`the data directory ${path} is a file, or lies beneath one. Name a directory`);
    }
  },
  'a directory that may not be written: the start is refused, and says so': async (parent) => {
    await mkdir(join(parent, 'data'));
    await chmod(join(parent, 'data'), 0o555);
    const open = () => openDirectory(join(parent, 'data'));
    const { message } = await rejection(withoutPrivileges(open), UnusableDirectory);
    expect(message).to.match(/data may not be read and written by this user\. Change its owner or its mode/);
  },
  'a directory that another process holds: the start is refused, and says so': async (parent) => {
    expect(await said(holders.start(parent, 'socket'))).to.equal('taken\n');
    const { message } = await rejection(lockDirectory(parent, { by: 'socket' }), DirectoryInUse);
    expect(message).to.equal(
      `the data directory ${parent} is in use by another process. End that process first, or name another directory`,
    );
  },
  'the lock of a process that was killed: the next process takes it': async (parent) => {
    for (const by of ['socket', 'file'] as const) {
      const holder = holders.start(parent, by);
      expect(await said(holder)).to.equal('taken\n');
      await killed(holder);
      await (await lockDirectory(parent, { by })).release();
    }
  },
  'a probe left behind: the start removes it': async (parent) => {
    await writeFile(join(parent, '.probe'), '');
    expect(await (await openDirectory(parent)).list()).to.deep.equal([]);
  },
};

const holders = new DirectoryHolders();

describe('a data directory', () => {
  let parent: string;

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'synod-directory-'));
    await chmod(parent, 0o755);
  });

  afterEach(async () => {
    await holders.end();
    await rm(parent, { recursive: true });
  });

  for (const [row, test] of Object.entries(recovery)) it(row, () => test(parent));

  it('is found in no other state than the page on the format says', () => {
    expect(Object.keys(recovery)).to.have.members(recoveryRows('## The directory'));
  });

  it('is opened as it is if it is there', async () => {
    await writeFile(join(parent, 'log'), 'kept');
    const disk = await openDirectory(parent);
    expect(await disk.list()).to.deep.equal(['log']);
    expect(await (await openDirectory(parent)).list()).to.deep.equal(['log']);
  });

  it('is where a relative path says', async () => {
    const before = process.cwd();
    process.chdir(parent);
    const disk = await openDirectory('data').finally(() => process.chdir(before));
    await (await disk.open('log', { create: true })).close();
    expect(await readdir(join(parent, 'data'))).to.deep.equal(['log']);
  });

  it('must be one that may be made', async () => {
    await chmod(parent, 0o555);
    const open = () => openDirectory(join(parent, 'data'));
    const { message } = await rejection(withoutPrivileges(open), UnusableDirectory);
    expect(message).to.match(/may not be read and written by this user/);
    await chmod(parent, 0o755);
  });

  it('may lie in a directory that this user may not list', async () => {
    const above = join(parent, 'above');
    await mkdir(join(above, 'data'), { recursive: true });
    await chmod(join(above, 'data'), 0o777);
    await chmod(above, 0o311);
    await withoutPrivileges(() => openDirectory(join(above, 'data')));
    await chmod(above, 0o755);
  });

  it('says the cause of any other failure', async () => {
    const path = join(parent, 'x'.repeat(300));
    const { message } = await rejection(openDirectory(path), UnusableDirectory);
    expect(message).to.match(/cannot be used: ENAMETOOLONG/);
  });
});
