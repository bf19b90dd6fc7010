import { join } from 'node:path';
import { expect } from 'chai';
import { freePorts } from '../support/free-ports.js';
import { endCommands, runCommand, RunningCommand, type Ended } from './command.js';
import { devCluster } from './dev-cluster.js';
import { temporaryDirectory, type TemporaryDirectory } from './temporary-directory.js';

const pairs = Array.from(
  { length: 12 },
  (_, index) => [`key-${index}`, `value ${index} ${'é'.repeat(index)}`] as const,
);

/** The command that is said to be run next, without `npx synod`. */
const nextCommand = (stderr: string): string[] =>
  (/^ {2}npx synod (.*)$/m.exec(stderr)?.[1] ?? '').split(' ');

describe('A cluster restored from a snapshot', () => {
  let directory: TemporaryDirectory;
  let file: string;

  const succeeded = async (running: Promise<Ended>): Promise<Ended> => {
    const ended = await running;
    expect(ended.how, ended.stderr).to.equal(0);
    return ended;
  };
  const expectPairs = async (endpoints: string): Promise<void> => {
    for (const [key, value] of pairs.slice(-3)) {
      const { stdout } = await succeeded(runCommand(['get', key, '--raw', '--endpoints', endpoints]));
      expect(stdout).to.equal(value);
    }
  };

  before(async () => {
    directory = await temporaryDirectory();
    file = join(directory.path, 'backup');
    const { addresses, dev } = await devCluster(await freePorts(3), join(directory.path, 'first'));
    const endpoints = addresses.join();
    await Promise.all(
      pairs.map(([key, value]) => succeeded(runCommand(['put', key, value, '--endpoints', endpoints]))),
    );
    const { stdout, stderr } = await succeeded(
      runCommand(['snapshot', 'save', file, '--endpoints', endpoints]),
    );
    expect(stdout).to.match(/^keys +12$/m);
    // Standard error is no terminal here.
    expect(stderr).to.equal('');
    dev.pressCtrlC();
    await dev.ended;
  });
  afterEach(endCommands);
  after(() => directory.remove());

  it('is run by synod dev as it says, has every value, and is a cluster like any other', async () => {
    const ports = await freePorts(3);
    const target = join(directory.path, 'restored');
    const { stderr } = await succeeded(
      runCommand([
        ...['snapshot', 'restore', file, '--data-dir', target, '--replicas', '3', '--port', String(ports[0])],
      ]),
    );
    const dev = new RunningCommand(nextCommand(stderr));
    const [, endpoints] = await dev.printed('stdout', /^ready: (.*)$/m);
    await expectPairs(endpoints!);
    await succeeded(runCommand(['put', 'new', 'value', '--endpoints', endpoints!]));
    dev.pressCtrlC();
    expect((await dev.ended).how).to.equal(0);
    const again = await devCluster(ports, target);
    await expectPairs(again.addresses.join());
    const get = await succeeded(runCommand(['get', 'new', '--endpoints', again.addresses.join()]));
    expect(get.stdout).to.equal('value\n');
  });

  it('is run by synod serve as it says, replica by replica', async () => {
    const ports = await freePorts(2);
    const peers = ports.map((port, index) => `${index + 1}=127.0.0.1:${port}`).join();
    for (const id of ['1', '2']) {
      const target = join(directory.path, `replica-${id}`);
      const { stderr } = await succeeded(
        runCommand(['snapshot', 'restore', file, '--data-dir', target, '--id', id, '--peers', peers]),
      );
      const serve = new RunningCommand(nextCommand(stderr));
      await serve.printed('stdout', /^replica \d pid \d+ /m);
      expect(serve.stderr).to.contain(`keeps its state in ${target}`);
    }
    await expectPairs(ports.map((port) => `127.0.0.1:${port}`).join());
  });
});
