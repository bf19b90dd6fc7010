import { resolve } from 'node:path';
import { expect } from 'chai';
import { addressOf, runShortForm, type ShortForm } from '../../src/cli/short-form.js';
import { pbcForm, pbdForm, viewdForm } from '../../src/cli/short-forms.js';
import { FakeTerminal, type Ran } from './fake-terminal.js';
import { quoted, table } from './interface-page.js';

const forms = [viewdForm, pbdForm, pbcForm];

async function ranForm(form: ShortForm, ...commandLine: readonly string[]): Promise<Ran> {
  const terminal = new FakeTerminal();
  const exitCode = await runShortForm(form, commandLine, terminal);
  return { exitCode, stdout: terminal.stdout, stderr: terminal.stderr };
}

describe('The short forms viewd, pbd and pbc', () => {
  it('are short for what docs/interface.md says', () => {
    for (const [shortForm, long] of table('## Short forms', 'Program', 'Is short for')) {
      const [program, ...parameters] = quoted(shortForm!)[0]!.split(' ');
      const form = forms.find(({ usage }) => usage.startsWith(`${program} `));
      // A parameter stands for itself, so that the page has it on both sides.
      const translated = form?.translate(parameters.map((word) => `unix:/${word}`));
      const words = translated?.map((word) => word.replace('unix:/', ''));
      expect(words?.join(' ')).to.equal(quoted(long!)[0]!.replace('synod ', ''));
    }
  });

  it('take an address as it is, and any other text for the path of a socket', () => {
    for (const address of [
      '127.0.0.1:7100',
      'host.example:1',
      '[::1]:7100',
      'unix:/run/x',
      'host:99999',
      '',
    ]) {
      expect(addressOf(address), address).to.equal(address);
    }
    for (const path of ['/tmp/x', './x', 'x.sock', 'a/b:1', 'host', 'host:', 'x:y']) {
      expect(addressOf(path), path).to.equal(`unix:${resolve(path)}`);
    }
    expect(addressOf('/tmp/../x')).to.equal('unix:/x');
  });

  it('give a value that looks like a flag to the store', () => {
    expect(pbcForm.translate(['a:1', '-k', '--json'])?.slice(-3)).to.deep.equal(['--', '-k', '--json']);
  });

  it('get one line with their usage and exit code 64 where arguments are missing, too many or flags', async () => {
    const wrong: readonly (readonly [ShortForm, readonly string[]])[] = [
      [viewdForm, []],
      [viewdForm, ['a', 'b']],
      [viewdForm, ['--listen']],
      [pbdForm, ['a']],
      [pbdForm, ['a', 'b', 'c']],
      [pbdForm, ['a', '--id']],
      [pbcForm, ['a']],
      [pbcForm, ['a', 'b', 'c', 'd']],
      [pbcForm, ['--json', 'a', 'b']],
    ];
    for (const [form, commandLine] of wrong) {
      expect(await ranForm(form, ...commandLine), commandLine.join(' ')).to.deep.equal({
        exitCode: 64,
        stdout: '',
        stderr: `usage: ${form.usage}\n`,
      });
    }
  });

  it('say what is wrong with an address', async () => {
    const port = await ranForm(viewdForm, '127.0.0.1:71000');
    expect([port.exitCode, port.stderr]).to.deep.equal([
      64,
      "synod: option '--listen <address>' argument '127.0.0.1:71000' is invalid. \"127.0.0.1:71000\" is not an " +
        'address: write HOST:PORT, [V6]:PORT or unix:/PATH, with a port up to 65535\n',
    ]);
    expect((await ranForm(pbdForm, '', 'a:1')).stderr).to.match(/^synod: .*"" is not an address: .*\n$/);
    expect((await ranForm(pbdForm, 'a:1', 'a:1')).stderr).to.match(
      /^synod: the server and the view service cannot both be at a:1; .*\n$/,
    );
  });

  it('have help with an example that they take', async () => {
    for (const form of forms) {
      for (const flag of ['--help', '-h']) {
        const { exitCode, stdout, stderr } = await ranForm(form, flag);
        expect([exitCode, stderr]).to.deep.equal([0, '']);
        expect(stdout.split('\n')[0]).to.equal(`Usage: ${form.usage}`);
        const [, words] = /\nExample:\n {2}\$ (.*)\n$/.exec(stdout)!;
        expect(form.translate(words!.split(' ').slice(1))).not.to.equal(undefined);
      }
    }
  });
});
