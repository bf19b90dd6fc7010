import { expect } from 'chai';
import { CallTally } from '../../src/check/call-tally.js';
import { judge } from '../../src/cli/check-judge.js';
import { judgementOn, type Judgement } from '../../src/cli/check-judgement.js';
import { writeCheckFiles } from '../../src/cli/check-files.js';
import { checkPlan, type CheckFlags, type CheckPlan } from '../../src/cli/check-plan.js';
import { checkReport, checkText } from '../../src/cli/check-report.js';
import { ToldClient } from '../support/history-entries.js';
import { FakeClock } from '../support/fake-clock.js';
import { temporaryDirectory } from '../processes/temporary-directory.js';
import { ran } from './fake-terminal.js';
import { join } from 'node:path';

const flags: CheckFlags = {
  endpoints: ['127.0.0.1:1'],
  timeout: 5000,
  logLevel: 'warn',
  clients: 16,
  duration: 30_000,
  rate: 500,
  prefix: 'check-',
};
const client = new ToldClient('1');
const history = [client.put('1.1;', 1, 2), client.append('1.2;', 3), client.get('1.1;', 4, 5)];

async function textOn(judgement: Judgement, plan?: CheckPlan): Promise<string> {
  const tally = new CallTally(new FakeClock());
  tally.answer(2);
  return checkText(
    checkReport({
      plan: plan ?? (await checkPlan(flags)),
      judgement,
      tally,
      history,
      interrupted: false,
      pictureFile: null,
      historyFile: null,
      problems: [],
    }),
  );
}

describe('the verdict of synod check', () => {
  it('is unknown at a limit, and says what to do', async () => {
    const judgement = judgementOn(history, { stepLimit: 0 });
    expect(judgement).to.include({ kind: 'unknown', limit: 'steps', key: 'k', keysJudged: 0 });
    expect(await textOn(judgement)).to.match(
      /^unknown: no verdict within the steps there is for it on key "k"; 0 of 64 keys have an order\nNothing wrong was found\. Check for a shorter time, with more --keys or a lower --rate\.\n/,
    );
    expect(await textOn({ ...judgement, limit: 'time' } as Judgement)).to.match(
      /^unknown: no verdict within 2m on key/,
    );
  });

  it('comes from a thread that Ctrl-C ends', async () => {
    expect(await judge(history, undefined)).to.include({ kind: 'linearizable' });
    const interruption = new AbortController();
    interruption.abort();
    const interrupted = await judge(history, interruption.signal);
    expect(interrupted).to.include({ kind: 'unknown', limit: 'interrupted' });
    expect(await textOn(interrupted)).to.match(/^unknown: interrupted before the verdict\nNothing wrong/);
  });

  it('stands where its files cannot be written', async () => {
    const directory = await temporaryDirectory();
    const plan = await checkPlan({ ...flags, history: join(directory.path, 'gone') });
    await directory.remove();
    const files = await writeCheckFiles(plan, history, judgementOn(history, {}));
    expect(files).to.deep.equal({
      pictureFile: null,
      historyFile: null,
      problems: [`${plan.historyFile}: no such file or directory`],
    });
  });
});

describe('the plan of synod check', () => {
  it('has a key for 1,000 calls, and 64 at least', async () => {
    const keyCount = async (changes: Partial<CheckFlags>) =>
      (await checkPlan({ ...flags, ...changes })).keyCount;
    expect(await keyCount({})).to.equal(64);
    expect(await keyCount({ duration: 600_000 })).to.equal(300);
    expect(await keyCount({ duration: 600_000, keys: 9 })).to.equal(9);
  });

  const longest = 4096 - '01234567/k9999'.length;
  const wrong: readonly (readonly [name: string, commandLine: readonly string[], pattern: RegExp])[] = [
    ['no clients', ['--clients', '0'], /'0' is invalid.*1 to 1000/],
    ['too many clients', ['--clients', '1001'], /'1001' is invalid.*1 to 1000/],
    ['a malformed duration', ['--duration', '30'], /'30' is invalid.*500ms, 5s or 1m/],
    ['no rate', ['--rate', '0'], /'0' is invalid.*1 to 100000/],
    ['no keys', ['--keys', '0'], /'0' is invalid.*1 to 10000/],
    ['a seed past 32 bits', ['--seed', '4294967296'], /'4294967296' is invalid.*0 to 4294967295/],
    [
      'a prefix that is too long',
      ['--prefix', 'x'.repeat(longest + 1)],
      /has 4083 bytes; write at most 4082/,
    ],
    ['no picture', ['--picture', ''], /'' is invalid.*path of a file/],
    [
      'more calls than are held',
      ['--duration', '60m', '--rate', '500'],
      /--duration 60m at --rate 500 makes 1800000 calls; the limit is 500000: take --duration 1000s or --rate 138/,
    ],
    [
      'a directory that is not there',
      ['--history', 'nowhere/of/all/file'],
      /--history nowhere\/of\/all\/file cannot be written \(nowhere\/of\/all: no such file or directory\)/,
    ],
    ['a file in place of a directory', ['--picture', '/dev/null/file'], /\/dev\/null is no directory/],
    [
      'a picture where a directory is',
      ['--picture', '/tmp'],
      /--picture \/tmp cannot be .*it is a directory/,
    ],
    [
      'replicas and a view service',
      ['--view-service', 'a:1', '--endpoints', 'b:1'],
      /'--view-service <address>' cannot be used with option '--endpoints/,
    ],
  ];
  for (const [name, commandLine, pattern] of wrong) {
    it(`refuses wrong usage with 64: ${name}`, async () => {
      const { exitCode, stdout, stderr } = await ran(['check', ...commandLine]);
      expect([exitCode, stdout]).to.deep.equal([64, '']);
      expect(stderr)
        .to.match(/^synod: [^\n]+\n$/)
        .and.to.match(pattern);
    });
  }

  it('takes the longest prefix there is', async () => {
    const plan = await checkPlan({ ...flags, prefix: 'x'.repeat(longest), keys: 10_000 });
    expect(`${plan.keyPrefix}k9999`).to.have.length(4096);
  });
});
