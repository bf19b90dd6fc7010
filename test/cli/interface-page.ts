import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../../docs/interface.md', import.meta.url), 'utf8');

const cellsOf = (line: string): string[] =>
  line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** The texts in backticks. */
export const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]*)`/g)].map(([, text]) => text!);

/** The headings of a level that stand below another heading, or anywhere. */
export const headings = (level: number): string[] =>
  [...page.matchAll(new RegExp(`^${'#'.repeat(level)} (.*)$`, 'gm'))].map(([, text]) => text!);

/** What stands between a heading and the next one. */
export function section(heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`docs/interface.md has no "${heading}"`);
  const body = page.slice(start + heading.length + 2);
  const end = body.search(/^#/m);
  return end < 0 ? body : body.slice(0, end);
}

/** The rows of the table in a section that begins with these column titles, without the titles. */
export function table(heading: string, ...titles: readonly string[]): string[][] {
  const lines = section(heading).split('\n');
  const start = lines.findIndex((line) => cellsOf(line).join() === titles.join());
  if (start < 0) throw new Error(`"${heading}" in docs/interface.md has no table ${titles.join()}`);
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'));
  return lines.slice(start + 2, end < 0 ? undefined : end).map(cellsOf);
}

/** The lines of the code block in a section. */
export const codeLines = (heading: string): string[] =>
  (/```\n([\s\S]*?)```/.exec(section(heading))?.[1] ?? '').trimEnd().split('\n');

/** The documented fields of an object: the cell has each in backticks, with remarks in parentheses. */
export function documentedFields(object: string): string[] {
  const rows = table('## JSON', 'Object', 'Fields');
  const row = rows.find(([name]) => name === object);
  if (row === undefined) throw new Error(`docs/interface.md has no fields of ${object}`);
  return quoted(row[1]!.replaceAll(/\([^)]*\)/g, ''));
}
