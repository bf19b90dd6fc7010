import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import type { CheckReport } from '../../src/cli/check-report.js';
import { StatusClient } from '../../src/cli/status-service.js';
import { lyingStore } from '../support/lying-store.js';
import { until } from '../support/until.js';
import { RunningCommand, endCommands } from './command.js';
import { devCluster } from './dev-cluster.js';
import { temporaryDirectory } from './temporary-directory.js';
import { freePorts } from '../support/free-ports.js';

describe('synod check of a running cluster', () => {
  afterEach(endCommands);

  it('finds it linearizable while a replica is killed and returns', async () => {
    const directory = await temporaryDirectory();
    try {
      const { dev, addresses, replicas } = await devCluster(await freePorts(3), directory.path);
      const check = new RunningCommand([
        ...['check', '--endpoints', addresses.join(','), '--duration', '4s', '--json'],
      ]);
      const status = new StatusClient(addresses[0]!);
      await until('the calls have begun', 10_000, async () => {
        const first = await status.ask({ timeoutMs: 1000 });
        return (first.reachable && first.keys > 10) || undefined;
      }).finally(() => status.close());
      process.kill(replicas[1]!.pid, 'SIGKILL');
      const { how, stdout, stderr } = await check.ended;
      expect([how, stderr]).to.deep.equal([0, '']);
      const report = JSON.parse(stdout) as CheckReport;
      expect(report.verdict).to.equal('linearizable');
      expect(report.answered).to.be.above(100);
      expect(dev.stderr).to.contain('killed by SIGKILL');
      await dev.printed('stdout', /^replica 2 [^]*^replica 2 /m);
    } finally {
      await endCommands();
      await directory.remove();
    }
  });

  it('finds it violated where a store lies, and leaves a picture and the calls in the working directory', async () => {
    const directory = await temporaryDirectory();
    const store = await lyingStore();
    try {
      store.lie = { kind: 'dropped-append', every: 20 };
      const check = new RunningCommand(
        ['check', '--endpoints', store.addresses.join(','), '--duration', '2s', '--keys', '8'],
        {},
        directory.path,
      );
      const { how, stdout, stderr } = await check.ended;
      expect(how).to.equal(4);
      expect(stderr).to.equal(
        'reading all keys once more\n' + `judging ${/^calls +(\d+)/m.exec(stdout)![1]} calls\n`,
      );
      const [, key, run] = /^violated: key "(check-([0-9a-f]{8})\/k\d+)" is not linearizable\n/.exec(stdout)!;
      expect(await readdir(directory.path)).to.have.members([
        `synod-check-${run}.html`,
        `synod-check-${run}.jsonl`,
      ]);
      expect(await readFile(join(directory.path, `synod-check-${run}.html`), 'utf8')).to.contain(key!);
    } finally {
      await store.close();
      await directory.remove();
    }
  });

  it('ends at once at the second Ctrl-C', async () => {
    const store = await lyingStore();
    try {
      const check = new RunningCommand([
        'check',
        '--endpoints',
        store.addresses.join(','),
        '--timeout',
        '1m',
      ]);
      await until('the calls have begun', 10_000, () => store.counts[0]! > 50 || undefined);
      store.answers = 0;
      check.pressCtrlC();
      await check.printed('stderr', /^interrupted, judging what was done/m);
      check.pressCtrlC();
      expect((await check.ended).how).to.equal('SIGINT');
    } finally {
      await store.close();
    }
  });

  it('works through a view service', async () => {
    const [viewPort, ...ports] = await freePorts(3);
    await devCluster(ports, undefined, ['--engine', 'primary-backup']);
    const check = new RunningCommand([
      ...['check', '--view-service', `127.0.0.1:${viewPort}`, '--duration', '500ms'],
    ]);
    const { how, stdout } = await check.ended;
    expect(how).to.equal(0);
    expect(stdout).to.match(/^linearizable: /);
  });
});
