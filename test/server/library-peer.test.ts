import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { makeOmnipaxosPeer, makePaxosPeer } from '../../src/index.js';
import type { Disk } from '../../src/storage/disk.js';
import { StorageFailure } from '../../src/storage/errors.js';
import { waitUntil } from '../scenarios/wait-until.js';

const limitMs = 10_000;

/** A disk that works, but for syncs of what is claimed ahead: they wait, and fail once it is broken. */
class FailingDisk {
  break: () => void = () => undefined;
  readonly #broken = new Promise<void>((resolve) => (this.break = resolve));

  readonly wrap = (disk: Disk): Disk => ({
    open: async (name, options) => {
      const file = await disk.open(name, options);
      return {
        read: (offset, length) => file.read(offset, length),
        write: (offset, bytes) => file.write(offset, bytes),
        datasync: async () => {
          if (!name.includes('reserve')) return file.datasync();
          await this.#broken;
          throw new Error('EIO: i/o error');
        },
        size: () => file.size(),
        truncate: (length) => file.truncate(length),
        close: () => file.close(),
      };
    },
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    list: () => disk.list(),
    syncDirectory: () => disk.syncDirectory(),
  });
}

// Found by simulation: with the disk full as well, appends are refused before they could fail, and the peer would say
// for ever that the disk is full.
describe('a peer of a bare library whose disk fails', () => {
  let directory: string;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-library-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  for (const [name, make] of [
    ['Paxos', makePaxosPeer],
    ['OmniPaxos', makeOmnipaxosPeer],
  ] as const) {
    it(`is told so at once, and once, although it appends nothing: ${name}`, async () => {
      const disk = new FailingDisk();
      const failures: unknown[] = [];
      const running = await make({
        peers: [
          { id: 1, address: `unix:${join(directory, '1.sock')}` },
          { id: 2, address: `unix:${join(directory, '2.sock')}` },
        ],
        me: 1,
        dataDirectory: join(directory, 'data'),
        wrapDisk: disk.wrap,
        onFailure: (error) => failures.push(error),
      });
      expect(failures).to.deep.equal([]);
      disk.break();
      await waitUntil('it is told', limitMs, () => failures.length > 0);
      expect(failures).to.have.length(1);
      expect(failures[0]).to.be.instanceOf(StorageFailure);
      await running.close();
      expect(failures).to.have.length(1);
    });
  }
});
