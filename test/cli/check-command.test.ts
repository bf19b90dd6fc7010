import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { historyFrom } from '../../src/check/history-text.js';
import { checkLinearizable } from '../../src/check/linearizable.js';
import { freePorts } from '../support/free-ports.js';
import { lyingStore, type Lie, type LyingStore } from '../support/lying-store.js';
import { until } from '../support/until.js';
import { temporaryDirectory, type TemporaryDirectory } from '../processes/temporary-directory.js';
import { FakeTerminal, ran, type Ran } from './fake-terminal.js';
import type { CheckReport } from '../../src/cli/check-report.js';

describe('synod check', () => {
  let store: LyingStore;
  let directory: TemporaryDirectory;
  const inDirectory = (name: string): string => join(directory.path, name);
  const files = () => ['--picture', inDirectory('picture.html'), '--history', inDirectory('history.jsonl')];
  const checking = (flags: readonly string[], terminal?: FakeTerminal): Promise<Ran> =>
    ran(['check', '--endpoints', store.addresses.join(','), ...flags], terminal);
  const report = async (...flags: readonly string[]): Promise<CheckReport> =>
    JSON.parse((await checking([...flags, '--json'])).stdout) as CheckReport;

  beforeEach(async () => {
    store = await lyingStore(3);
    directory = await temporaryDirectory();
  });
  afterEach(async () => {
    await store.close();
    await directory.remove();
  });

  it('says linearizable first, then what was done and what is left, and asks every endpoint', async () => {
    const terminal = new FakeTerminal();
    const { exitCode, stdout, stderr } = await checking(['--duration', '1200ms', '--keys', '7'], terminal);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^linearizable: all \d+ answers fit an order of the calls on each of 7 keys\n/);
    expect(stdout).to.match(/^clients +16$/m);
    expect(stdout).to.match(/^calls +\d+: \d+ get, \d+ put, \d+ append, \d+ puthash$/m);
    expect(stdout).to.match(/^keys +7 under "check-[0-9a-f]{8}\/"$/m);
    expect(stdout).to.match(/^left behind +7 keys under "check-[0-9a-f]{8}\/"; nothing deletes them$/m);
    expect(terminal.shown[0]).to.match(
      /^\ds of 1\.2s: \d+ answered \(\d+\/s\), 0 unknown, 0 not executed, longest pause \d+ms$/,
    );
    expect(terminal.shown.at(-1)).to.equal('');
    expect(Math.min(...store.counts)).to.be.above(50);
  });

  it('keeps keys of runs with the same prefix and seed apart, and the rate as told', async () => {
    const flags = ['--duration', '1s', '--prefix', 'mine/', '--seed', '5', '--rate', '100', '--clients', '4'];
    const [one, other] = [await report(...flags), await report(...flags)];
    expect([one.verdict, other.verdict]).to.deep.equal(['linearizable', 'linearizable']);
    expect(one.keyPrefix)
      .to.match(/^mine\/[0-9a-f]{8}\/$/)
      .and.not.to.equal(other.keyPrefix);
    expect([one.seed, one.clients, one.keys, one.interrupted]).to.deep.equal([5, 4, 64, false]);
    expect(one.answered).to.be.within(64 + 50, 64 + 104);
    expect(one.violation).to.equal(null);
    expect(await readdir(directory.path)).to.deep.equal([]);
  });

  const lies: readonly Lie[] = [
    { kind: 'stale-get', every: 50 },
    { kind: 'dropped-append', every: 50 },
    { kind: 'repeated-put', every: 10 },
  ];
  for (const lie of lies) {
    it(`finds a violation where there is one: ${lie.kind}`, async () => {
      store.lie = lie;
      const { exitCode, stdout } = await checking(['--duration', '2s', '--keys', '8', ...files()]);
      expect(exitCode).to.equal(4);
      const [, key] = /^violated: key "([^"]*)" is not linearizable\nClient \d+ called /.exec(stdout)!;
      expect(stdout).to.contain(`picture       ${inDirectory('picture.html')}\n`);
      expect(await readFile(inDirectory('picture.html'), 'utf8')).to.contain(key!);
      const history = historyFrom(await readFile(inDirectory('history.jsonl'), 'utf8'));
      expect(checkLinearizable(history).kind).to.equal('violated');
    });
  }

  it('writes the history of a run without fault where it is asked to', async () => {
    const { history, calls, answered } = await report('--duration', '500ms', ...files());
    expect(history).to.equal(inDirectory('history.jsonl'));
    expect(historyFrom(await readFile(inDirectory('history.jsonl'), 'utf8'))).to.have.length(answered);
    expect(calls.get + calls.put + calls.append + calls.putHash).to.equal(answered);
    expect(await readdir(directory.path)).to.deep.equal(['history.jsonl']);
  });

  it('judges what was done when Ctrl-C ends it early', async () => {
    const terminal = new FakeTerminal();
    terminal.watched = false;
    const running = checking(['--duration', '10m'], terminal);
    await until('some calls', 5000, () => store.counts[0]! > 100 || undefined);
    terminal.interrupt();
    const { exitCode, stdout, stderr } = await running;
    expect(exitCode).to.equal(0);
    expect(stdout)
      .to.match(/^linearizable: /)
      .and.match(/^duration +\S+, ended early by Ctrl-C$/m);
    expect(stderr).to.match(/^interrupted, judging what was done \(Ctrl-C again ends at once\): reading/);
  });

  it('never says linearizable of a store that answers nothing', async () => {
    const [port] = await freePorts(1);
    const nobody = ['--endpoints', `127.0.0.1:${port}`];
    const unreachable = await ran(['check', ...nobody, '--timeout', '300ms', '--duration', '1s']);
    expect(unreachable).to.deep.equal({
      exitCode: 2,
      stdout: '',
      stderr: `synod: check timed out after 300ms (127.0.0.1:${port}: connection refused)\n`,
    });
    const terminal = new FakeTerminal();
    const waiting = ran(['check', ...nobody], terminal);
    terminal.interrupt();
    expect(await waiting).to.deep.equal({
      exitCode: 5,
      stdout: '',
      stderr: 'synod: interrupted before the first call; nothing was checked\n',
    });
  });

  it('fails where the store answers at first and never again', async () => {
    store.answers = 1;
    const { exitCode, stdout, stderr } = await checking([
      '--duration',
      '500ms',
      '--timeout',
      '400ms',
      '--json',
    ]);
    const { error } = JSON.parse(stdout) as { error: { kind: string; message: string } };
    expect([exitCode, stderr, error.kind]).to.deep.equal([2, '', 'unreachable']);
    expect(error.message).to.match(/^no call was answered in 500ms \(the last failure: .*\); nothing was/);
  });
});
