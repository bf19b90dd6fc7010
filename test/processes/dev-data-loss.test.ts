import { readdir, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { SuspectMark } from '../../src/server/suspect-mark.js';
import { nodeDisk } from '../../src/storage/node-disk.js';
import { freePorts } from '../support/free-ports.js';
import { endCommands, runCommand } from './command.js';
import { devCluster, isAlive, replicasIn, type DevCluster } from './dev-cluster.js';
import { temporaryDirectory, type TemporaryDirectory } from './temporary-directory.js';
import { until } from '../support/until.js';

describe('A replica of synod dev whose disk was tampered with', () => {
  let directory: TemporaryDirectory;
  let data: string;
  beforeEach(async () => {
    directory = await temporaryDirectory();
    data = join(directory.path, 'data');
  });
  afterEach(async () => {
    await endCommands();
    await directory.remove();
  });

  const stillServes = async ({ addresses }: DevCluster): Promise<void> => {
    const put = await runCommand(['put', 'key', 'value', '--endpoints', addresses.join()]);
    expect(put.how, put.stderr).to.equal(0);
  };

  it('is not started again after exit code 74, now and in the next run; the others serve', async () => {
    const ports = await freePorts(3);
    const cluster = await devCluster(ports, data);
    const { pid } = cluster.replicas[1]!;
    // Held still, so that it starts the replica again only after the damage is done.
    cluster.dev.kill('SIGSTOP');
    process.kill(pid, 'SIGKILL');
    await until('replica 2 is dead', 2000, () => !isAlive(pid) || undefined);
    await shortenLog(join(data, 'replica-2'));
    cluster.dev.kill('SIGCONT');
    await cluster.dev.printed('stderr', /^replica 2 .* killed by SIGKILL; .* it is started again in 500ms$/m);
    const final =
      /^replica 2 \(pid \d+\) exited with code 74: [^\n]+; 2 of 3 remain; it is not started again, for that would not help$/m;
    await cluster.dev.printed('stderr', final);
    await stillServes(cluster);
    cluster.dev.pressCtrlC();
    expect((await cluster.dev.ended).how).to.equal(0);
    expect(replicasIn(cluster.dev.stdout)).to.have.length(3);

    const next = await devCluster(ports, data);
    expect(next.dev.stderr).to.match(final);
    expect(next.replicas.map(({ id }) => id)).to.deep.equal([1, 3]);
    await stillServes(next);
  });

  it('is left out while it is suspect, and comes back by --rebuild', async () => {
    const ports = await freePorts(3);
    const first = await devCluster(ports, data);
    await stillServes(first);
    first.dev.pressCtrlC();
    await first.dev.ended;
    await (await SuspectMark.read(nodeDisk(join(data, 'replica-2')))).set(1024);
    const second = await devCluster(ports, data);
    expect(second.replicas.map(({ id }) => id)).to.deep.equal([1, 3]);
    expect(second.dev.stderr).to.match(/^replica 2 .* exited with code 74: .* at slot 1024 .* --rebuild/m);
    second.dev.pressCtrlC();
    await second.dev.ended;
    const third = await devCluster(ports, data, ['--rebuild', '2']);
    expect(third.replicas.map(({ id }) => id)).to.deep.equal([1, 2, 3]);
    await until('the mark is gone', 5000, async () => {
      return (await readdir(join(data, 'replica-2'))).includes('suspect') ? undefined : true;
    });
    await stillServes(third);
  });

  it('is not started again after exit code 78, where its directory is gone; the others serve', async () => {
    const ports = await freePorts(3);
    const first = await devCluster(ports, data);
    await stillServes(first);
    first.dev.pressCtrlC();
    await first.dev.ended;
    await rm(join(data, 'replica-3'), { recursive: true });
    const { dev, ...cluster } = await devCluster(ports, data);
    await dev.printed(
      'stderr',
      /^replica 3 \(pid \d+\) exited with code 78: [^\n]*knows replica 3 as [^\n]*; it is not started again, for/m,
    );
    await stillServes({ dev, ...cluster });
    const running = cluster.replicas.filter(({ id }) => id !== 3);
    expect(running.every(({ pid }) => isAlive(pid))).to.equal(true);
  });
});

/** Makes a segment of the log shorter than it was made, which no crash does. */
async function shortenLog(replicaDirectory: string): Promise<void> {
  const segment = (await readdir(replicaDirectory)).find((name) => name.endsWith('.segment'));
  if (segment === undefined) throw new Error(`${replicaDirectory} has no segment`);
  await truncate(join(replicaDirectory, segment), 4096);
}
