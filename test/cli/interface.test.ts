import { expect } from 'chai';
import type { Command, Option } from 'commander';
import { failureKinds } from '../../src/cli/command-failure.js';
import { exitCodes } from '../../src/cli/exit-codes.js';
import { logLevels } from '../../src/cli/log-level.js';
import { synodProgram } from '../../src/cli/program.js';
import { readyLine, replicaLine, serverLine, viewServiceLine } from '../../src/cli/replica-line.js';
import { leafCommands, pathOf } from './command-tree.js';
import { FakeTerminal } from './fake-terminal.js';
import { codeLines, headings, quoted, section, table } from './interface-page.js';

const commands = leafCommands(synodProgram(new FakeTerminal(), () => undefined));
const options = commands.flatMap((command) => command.options);

const headingOf = (command: Command): string => {
  const words = command.registeredArguments.map((argument) => ` <${argument.name()}>`).join('');
  return `### \`synod ${pathOf(command).join(' ')}${words}\``;
};

/** A flag as the page has it: itself, its default, its environment variable. */
function rowOf(option: Option): string[] {
  const value: unknown = option.defaultValue;
  const shown = option.defaultValueDescription ?? (value === undefined ? undefined : JSON.stringify(value));
  const absent = option.mandatory ? 'required' : option.isBoolean() ? 'off' : 'none';
  const fallback = shown === undefined ? absent : `\`${shown.replaceAll('"', '')}\``;
  return [`\`${option.flags}\``, fallback, option.envVar === undefined ? '' : `\`${option.envVar}\``];
}

describe('docs/interface.md and the command', () => {
  it('have the same commands and arguments', () => {
    const documented = headings(3).filter((heading) => heading.startsWith('`synod '));
    expect(documented.map((heading) => `### ${heading}`)).to.deep.equal(commands.map(headingOf));
  });

  for (const command of commands) {
    it(`have the same flags, defaults and variables of ${pathOf(command).join(' ')}`, () => {
      const documented = table(headingOf(command), 'Flag', 'Default', 'Environment');
      expect(documented).to.deep.equal(command.options.map(rowOf));
    });
  }

  it('have the same exit codes', () => {
    const documented = table('## Exit codes', 'Code', 'Meaning').map(([code]) => Number(code));
    expect(documented).to.deep.equal(Object.values(exitCodes));
  });

  it('have the same kinds of errors', () => {
    const documented = table('## JSON', 'Error kind', 'Exit code').map(([kind, code]) => [
      quoted(kind!)[0],
      Number(code),
    ]);
    expect(Object.fromEntries(documented)).to.deep.equal(failureKinds);
  });

  it('have the same environment variables', () => {
    const documented = table('## Environment', 'Variable', 'Meaning').map(
      ([variable]) => quoted(variable!)[0],
    );
    const actual = options.flatMap(({ envVar }) => envVar ?? []);
    expect(documented.sort()).to.deep.equal([...new Set(actual)].sort());
  });

  it('have the same log levels', () => {
    const levels = new Set<string>(logLevels);
    const documented = quoted(section('## Environment')).filter((text) => levels.has(text));
    expect([...new Set(documented)]).to.deep.equal(logLevels);
    const chosen = options.filter(({ long }) => long === '--log-level').map(({ argChoices }) => argChoices);
    for (const choices of chosen) expect(choices).to.deep.equal(logLevels);
  });

  it('have the same lines on standard output', () => {
    const actual = [
      viewServiceLine(2, 'a:1'),
      replicaLine(1, 2, 'a:1'),
      serverLine(2, 'a:1'),
      readyLine(['a:1', 'b:2', 'c:3']),
    ];
    const documented = codeLines('## Lines on standard output').map((line) =>
      line
        .replace(' ID ', ' 1 ')
        .replace(' PID ', ' 2 ')
        .replace('ADDRESS,ADDRESS,ADDRESS', 'a:1,b:2,c:3')
        .replace('ADDRESS', 'a:1'),
    );
    expect(documented.map((line) => `${line}\n`)).to.deep.equal(actual);
  });
});
