import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { RunningCommand, commandPath, endCommands, runCommand } from './command.js';

const run = promisify(execFile);

interface Report {
  readonly interrupted: boolean;
  readonly engines: readonly {
    readonly engine: string;
    readonly passed: number;
    readonly operations: { readonly finished: number };
    readonly failures: unknown;
  }[];
}

describe('synod sim in processes of its own', () => {
  afterEach(endCommands);

  it('simulates seeds, and prints one object', async () => {
    const { how, stdout, stderr } = await runCommand([
      ...['sim', '--engine', 'omnipaxos', '--seeds', '6', '--jobs', '2', '--json'],
    ]);
    expect([how, stderr]).to.deep.equal([0, '']);
    const { interrupted, engines } = JSON.parse(stdout) as Report;
    expect(interrupted).to.equal(false);
    expect(engines).to.have.length(1);
    expect(engines[0]).to.deep.include({ engine: 'omnipaxos', passed: 6, failures: [] });
    expect(engines[0]!.operations.finished).to.be.above(1000);
  });

  it('prints the trace of a seed, each line of it in one, then the verdict', async () => {
    const { how, stdout } = await runCommand(['sim', '--seed', '3', '--steps', '500', '--trace']);
    expect(how).to.equal(0);
    const lines = stdout.split('\n');
    const verdict = lines.indexOf('passed as far as it went');
    const messages = lines.filter((line) => /^\d+\.\d{3} replica-\d>replica-\d /.test(line));
    expect(messages.length).to.be.above(50);
    expect(lines.indexOf(messages.at(-1)!)).to.be.below(verdict);
    expect(stdout).to.match(/^[ -~\n]*$/);
  });

  it('prints all of a trace to a reader that is slow', async () => {
    const flags = ['sim', '--seed', '3', '--steps', '500', '--trace'];
    const { stdout } = await runCommand(flags);
    const slowly = await run('sh', [
      '-c',
      `"$@" | { sleep 3; cat; }`,
      'sh',
      process.execPath,
      commandPath,
      ...flags,
    ]);
    // More than a pipe holds.
    expect(stdout.length).to.be.above(65_536);
    expect(slowly.stdout).to.equal(stdout);
  });

  it('ends at Ctrl-C with what it has', async () => {
    const command = new RunningCommand(['sim', '--seeds', '100000', '--jobs', '2']);
    await command.printed('stderr', /^paxos \d+ of 100000 seeds, .*left$/m, 60_000);
    command.pressCtrlC();
    const { how, stdout, stderr } = await command.ended;
    expect(how).to.equal(0);
    expect(stdout).to.match(/^paxos: \d+ seeds, \d+ passed, 0 failed\n/);
    expect(stderr).to.match(/\ninterrupted; this is what was done until then\n$/);
  });
});
