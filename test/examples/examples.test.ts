import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';
import { freePorts } from '../support/free-ports.js';

const run = async (example: string, ...args: string[]): Promise<string> => {
  const { stdout } = await promisify(execFile)(process.execPath, [`examples/${example}.mjs`, ...args], {
    timeout: 30_000,
  });
  return stdout;
};

describe('examples', () => {
  let cluster: LocalCluster;
  before(async () => {
    cluster = await startLocalCluster(3);
  });
  after(() => cluster.close());

  it('clerk.mjs writes and reads through a cluster', async () => {
    const output = await run('clerk', ...cluster.endpoints);
    expect(output).to.equal('greeting: hello, world\nhash chain grew from: ""\nmissing: undefined\n');
  });

  it('not-generated.mjs speaks to the store from the .proto files alone', async () => {
    const output = await run('not-generated', cluster.endpoints[0] ?? '');
    expect(output).to.match(
      /^from: a client that was not generated true\nreplica 1, engine paxos, applied through slot \d+\n$/,
    );
  });

  it('embedded-replicas.mjs runs three replicas and survives the loss of one', async () => {
    const [port] = await freePorts(3);
    const output = await run('embedded-replicas', String(port));
    expect(output).to.equal('written through 3 replicas\nkept by: a majority\n');
  });

  it('paxos-library.mjs agrees on one of three values', async () => {
    const [port] = await freePorts(3);
    const lines = (await run('paxos-library', String(port))).trim().split('\n');
    expect(lines).to.have.length(3);
    expect(new Set(lines.map((line) => line.replace(/^peer \d/, ''))).size).to.equal(1);
    expect(lines[0]).to.match(/slot 0 is decided: proposed by [123]$/);
  });
});
