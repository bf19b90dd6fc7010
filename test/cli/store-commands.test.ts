import { expect } from 'chai';
import { nextLink } from '../support/fnv-twin.js';
import { startLocalCluster, type LocalCluster } from '../support/local-cluster.js';
import { FakeTerminal, nothingPrinted, ran } from './fake-terminal.js';

describe('The commands that ask the store', () => {
  let cluster: LocalCluster;
  const asking = (commandLine: readonly string[], terminal?: FakeTerminal) =>
    ran([...commandLine, '--endpoints', cluster.endpoints.join(',')], terminal);

  before(async () => {
    cluster = await startLocalCluster(1);
  });
  after(() => cluster.close());

  it('put and append print nothing, and get prints the value and a newline', async () => {
    expect(await asking(['put', 'greeting', 'hello'])).to.deep.equal(nothingPrinted);
    expect(await asking(['append', 'greeting', ', world'])).to.deep.equal(nothingPrinted);
    expect(await asking(['get', 'greeting'])).to.deep.equal({ ...nothingPrinted, stdout: 'hello, world\n' });
    const raw = await asking(['get', 'greeting', '--raw']);
    expect(raw).to.deep.equal({ ...nothingPrinted, stdout: 'hello, world' });
  });

  it('puthash prints the previous value', async () => {
    expect((await asking(['puthash', 'chain', 'a'])).stdout).to.equal('\n');
    expect((await asking(['puthash', 'chain', 'b'])).stdout).to.equal(`${nextLink('', 'a')}\n`);
    const last = nextLink(nextLink('', 'a'), 'b');
    expect((await asking(['get', 'chain'])).stdout).to.equal(`${last}\n`);
  });

  it('get of a missing key prints nothing, says so and ends with 1', async () => {
    const missing = await asking(['get', 'missing']);
    expect(missing).to.deep.equal({ exitCode: 1, stdout: '', stderr: 'there is no such key\n' });
    const json = await asking(['get', 'missing', '--json']);
    expect(json).to.deep.equal({ exitCode: 1, stdout: '{"found":false}\n', stderr: '' });
  });

  it('get tells an empty value from a missing key', async () => {
    await asking(['put', 'empty', '']);
    expect(await asking(['get', 'empty'])).to.deep.equal({ ...nothingPrinted, stdout: '\n' });
  });

  it('read a value that is - from standard input, as it is', async () => {
    const value = '\ufeffline one\nline two \u00fc\n';
    expect(await asking(['put', 'input', '-'], new FakeTerminal(value))).to.deep.equal(nothingPrinted);
    expect((await asking(['get', 'input', '--raw'])).stdout).to.equal(value);
  });

  it('refuse with 3 what cannot be stored, with the limit and the actual value', async () => {
    const long = 'x'.repeat(1_048_577);
    const refused = [
      [['put', '', 'value'], undefined, /the key is empty/],
      [['get', 'x'.repeat(4097)], undefined, /the key has 4097 bytes; the limit is 4096/],
      [['put', 'key', '-'], long, /the value has 1048577 bytes; the limit is 1048576/],
      [['put', 'key', '-'], Uint8Array.of(0x61, 0xff), /standard input is not valid UTF-8/],
    ] as const;
    for (const [commandLine, input, pattern] of refused) {
      const { exitCode, stdout, stderr } = await asking(commandLine, new FakeTerminal(input));
      expect([exitCode, stdout]).to.deep.equal([3, '']);
      expect(stderr)
        .to.match(/^synod: .*\n$/)
        .and.to.match(pattern);
    }
  });

  it('refuse with 3 an append past the limit, and leave the value as it was', async () => {
    await asking(['put', 'large', '-'], new FakeTerminal('x'.repeat(1_048_570)));
    const { exitCode, stdout } = await asking(['append', 'large', '1234567', '--json']);
    expect(exitCode).to.equal(3);
    const { error } = JSON.parse(stdout) as { error: Record<string, string> };
    expect(error).to.include({ kind: 'refused', reason: 'VALUE_LIMIT', outcome: 'not-executed' });
    expect(error['message']).to.contain('1048577').and.to.contain('1048576');
    expect((await asking(['get', 'large', '--raw'])).stdout).to.have.length(1_048_570);
  });

  it('print one object with --json', async () => {
    const json = async (...commandLine: string[]): Promise<unknown> =>
      JSON.parse((await asking([...commandLine, '--json'])).stdout);
    expect(await json('put', 'json', 'one')).to.deep.equal({});
    expect(await json('append', 'json', ' two')).to.deep.equal({});
    expect(await json('get', 'json')).to.deep.equal({ found: true, value: 'one two' });
    expect(await json('puthash', 'json', 'x')).to.deep.equal({ previousValue: 'one two' });
  });

  it('leave no session behind', async () => {
    const before = cluster.replicas[0]!.status().openSessions;
    await asking(['put', 'key', 'value']);
    expect(cluster.replicas[0]!.status().openSessions).to.equal(before);
  });

  it('status ends with 0 as long as one endpoint answers, and shows the others', async () => {
    const endpoints = [...cluster.endpoints, 'unix:/nonexistent/socket'].join(',');
    const { exitCode, stdout, stderr } = await ran(['status', '--endpoints', endpoints]);
    expect([exitCode, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.match(/^1 +127\.0\.0\.1:\d+ +yes +yes +paxos /m);
    expect(stdout).to.match(/^- +unix:\/nonexistent\/socket +no /m);
    expect(stdout).to.match(/^unix:\/nonexistent\/socket: there is no such socket$/m);
  });
});
