import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { DirectoryInUse, lockDirectory } from '../../src/storage/node-directory-lock.js';
import { nodeDisk } from '../../src/storage/node-disk.js';
import { DirectoryHolders, killed, said } from '../support/directory-holders.js';
import { rejection } from '../support/rejection.js';

const racers = 6;

for (const by of ['socket', 'file'] as const) {
  describe(`the lock of a directory, held by a ${by}`, () => {
    let directory: string;
    const holders = new DirectoryHolders();
    const start = (then: 'hold' | 'end' = 'hold') => holders.start(directory, by, then);

    beforeEach(async () => {
      directory = await mkdtemp(join(tmpdir(), 'synod-lock-'));
    });

    afterEach(async () => {
      await holders.end();
      await rm(directory, { recursive: true });
    });

    /** A process that has ended. */
    const gone = async () => {
      const child = start('end');
      await once(child, 'exit');
      return child;
    };

    it('is had by one of many processes that want it at once', async () => {
      const lines = await Promise.all(Array.from({ length: racers }, () => said(start())));
      expect(lines.filter((line) => line === 'taken\n')).to.have.length(1);
      expect(lines.filter((line) => line.startsWith('in use:'))).to.have.length(racers - 1);
    });

    it('ends with its holder, also by kill -9', async () => {
      const holder = start();
      expect(await said(holder)).to.equal('taken\n');
      await rejection(lockDirectory(directory, { by }), DirectoryInUse);
      await killed(holder);
      const lock = await lockDirectory(directory, { by });
      expect(await said(start())).to.match(/^in use:/);
      await lock.release();
    });

    it('goes to one of many when its holder was killed', async () => {
      const holder = start();
      await said(holder);
      await killed(holder);
      const lines = await Promise.all(Array.from({ length: racers }, () => said(start())));
      expect(lines.filter((line) => line === 'taken\n')).to.have.length(1);
    });

    it('goes to one of many callers in one process', async () => {
      if (by === 'file') await leaveLockOf(directory, (await gone()).pid!);
      const attempts = Array.from({ length: 40 }, () => lockDirectory(directory, { by }));
      const results = await Promise.allSettled(attempts);
      const taken = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
      const refused = results.filter(
        (result) => result.status === 'rejected' && result.reason instanceof DirectoryInUse,
      );
      expect([taken.length, refused.length]).to.deep.equal([1, 39]);
      for (const lock of taken) await lock.release();
    });

    it('does not keep a process alive', async () => {
      const child = start('end');
      const exit = once(child, 'exit');
      expect(await said(child)).to.equal('taken\n');
      expect((await exit)[0]).to.equal(0);
    });

    it('is free again once released, as often as you like', async () => {
      for (let time = 0; time < 3; time += 1) {
        const lock = await lockDirectory(directory, { by });
        await rejection(lockDirectory(directory, { by }), DirectoryInUse);
        await lock.release();
      }
    });

    it('is met by every path to the directory, and by no other directory', async () => {
      const path = join(directory, 'data');
      await mkdir(path);
      await symlink(path, join(directory, 'link'));
      const lock = await lockDirectory(path, { by });
      await rejection(lockDirectory(join(directory, 'link'), { by }), DirectoryInUse);
      const other = await lockDirectory(directory, { by });
      await Promise.all([lock.release(), other.release()]);
    });

    it('says which directory is taken and what to do', async () => {
      const lock = await lockDirectory(directory, { by });
      const { message } = await rejection(lockDirectory(directory, { by }), DirectoryInUse);
      expect(message).to.include(`the data directory ${directory} is in use by`);
      expect(message).to.match(/End (that process|it) first, or name another directory/);
      await lock.release();
    });

    it('puts no file among those of the disk', async () => {
      const lock = await lockDirectory(directory, { by });
      expect(await nodeDisk(directory).list()).to.deep.equal([]);
      await lock.release();
    });

    it('says so if there is no such directory', async () => {
      const gone = join(directory, 'gone', 'further');
      expect(await rejection(lockDirectory(gone, { by }), Error)).to.have.property('code', 'ENOENT');
      expect(await readdir(directory)).to.deep.equal([]);
    });
  });
}

async function leaveLockOf(directory: string, processId: number): Promise<void> {
  await mkdir(join(directory, 'lock'), { recursive: true });
  await writeFile(join(directory, 'lock', '1'), `${processId}\n`);
}

describe('the lock of a directory', () => {
  it('is taken on Linux without a trace in the directory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'synod-lock-'));
    const lock = await lockDirectory(directory);
    expect(await readdir(directory)).to.deep.equal(process.platform === 'linux' ? [] : ['lock']);
    await rejection(lockDirectory(directory), DirectoryInUse);
    await lock.release();
    await rm(directory, { recursive: true });
  });
});
