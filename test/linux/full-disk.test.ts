import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { Clerk, ClerkError } from '../../src/index.js';
import { until } from '../support/until.js';
import { ProcessCluster } from '../scenarios/durability/process-cluster.js';
import { rejection } from '../support/rejection.js';

const limits = { timeoutMs: 10_000 };
const mebibyte = 1024 * 1024;

const command = (program: string, ...words: string[]): void => {
  const { status, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} failed: ${stderr}`);
};

/** Writes zeros until the disk takes no more. */
function fill(path: string): number {
  const file = openSync(path, 'w');
  let bytes = 0;
  try {
    for (const size of [mebibyte, 4096]) {
      const piece = Buffer.alloc(size);
      try {
        for (;;) bytes += writeSync(file, piece);
      } catch (error) {
        if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error;
      }
    }
  } finally {
    closeSync(file);
  }
  return bytes;
}

/** In a mount namespace of its own: `make test-linux`. */
describe('a cluster on a disk that fills up', () => {
  let mount: string;

  beforeEach(() => {
    mount = mkdtempSync(join(tmpdir(), 'synod-tmpfs-'));
    command('mount', '-t', 'tmpfs', '-o', 'size=160m', 'tmpfs', mount);
  });
  afterEach(() => {
    command('umount', mount);
    rmSync(mount, { recursive: true });
  });

  const inCluster = (body: (cluster: ProcessCluster, clerk: Clerk) => Promise<void>) =>
    ProcessCluster.with({ dataRoot: mount }, async (cluster) => {
      const clerk = new Clerk({ endpoints: cluster.ids.map((id) => cluster.address(id)) });
      try {
        await body(cluster, clerk);
      } finally {
        await clerk.close();
      }
    });

  const isFull = async (cluster: ProcessCluster, id: number): Promise<true | undefined> => {
    const status = await cluster.endpoint(id).status();
    return status?.storage?.hasSpace === false && status.trouble.includes('full') ? true : undefined;
  };

  /**
   * Writes until the cluster takes no more; answers what it took. The write under way as the disk became full may have
   * been proposed by a replica that still had room, and may yet happen.
   */
  async function writeUntilRefused(clerk: Clerk): Promise<ReadonlyMap<string, string>> {
    const written = new Map<string, string>();
    for (let count = 0; count < 400; count += 1) {
      const [key, value] = [`large ${count}`, String(count % 10).repeat(256 * 1024)];
      try {
        await clerk.put(key, value, { timeoutMs: 4000 });
      } catch (error) {
        if (!(error instanceof ClerkError)) throw error;
        expect(error.message).to.include('disk of this replica is full');
        expect(written.size).to.be.greaterThan(10);
        return written;
      }
      written.set(key, value);
    }
    throw new Error('a full disk took 100 MiB');
  }

  /** The replicas that say that their disk is full; at least a majority. */
  const fullReplicas = (cluster: ProcessCluster): Promise<readonly number[]> =>
    until('a majority says that its disk is full', 10_000, async () => {
      const full = await Promise.all(cluster.ids.map((id) => isFull(cluster, id)));
      const ids = cluster.ids.filter((_, index) => full[index]);
      return ids.length >= 2 ? ids : undefined;
    });

  /** A full replica refuses a write for certain, and says why. */
  async function expectRefusedBy(cluster: ProcessCluster, id: number): Promise<void> {
    const clerk = new Clerk({ endpoints: [cluster.address(id)] });
    try {
      const error = await rejection(clerk.put('refused', 'always', { timeoutMs: 1500 }), ClerkError);
      expect(error.message).to.include('disk of this replica is full');
      expect(error.outcome).to.equal('not-executed');
    } finally {
      await clerk.close();
    }
  }

  async function expectAll(clerk: Clerk, written: ReadonlyMap<string, string>): Promise<void> {
    for (const [key, value] of written) expect((await clerk.get(key, limits)) === value, key).to.equal(true);
  }

  it('refuses writes, goes on reading, starts again while full, and writes again once there is room', () =>
    inCluster(async (cluster, clerk) => {
      await clerk.put('before', 'kept', limits);
      await until('the reserve is claimed', 20_000, () =>
        cluster.ids.every((id) => readdirSync(cluster.dataDirectory(id)).includes('reserve-4'))
          ? true
          : undefined,
      );
      const filler = join(mount, 'filler');
      expect(fill(filler)).to.be.greaterThan(10 * mebibyte);
      const written = await writeUntilRefused(clerk);
      for (const id of await fullReplicas(cluster)) await expectRefusedBy(cluster, id);
      await expectAll(clerk, written);
      expect(await clerk.get('before', limits)).to.equal('kept');

      await cluster.kill(1);
      cluster.start(1);
      await cluster.allServe();
      await cluster.kill(...cluster.ids);
      for (const id of cluster.ids) cluster.start(id);
      await cluster.allServe();
      await expectAll(clerk, written);
      for (const id of await fullReplicas(cluster)) await expectRefusedBy(cluster, id);

      rmSync(filler);
      await until('writes go on', 15_000, () =>
        clerk.put('after', 'freed', { timeoutMs: 2000 }).then(
          () => true as const,
          () => undefined,
        ),
      );
      await expectAll(clerk, written);
      expect(await clerk.get('refused', limits)).to.equal('');
      expect((await cluster.sameState()).keys).to.be.within(written.size + 2, written.size + 3);
    }));
});
