import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../../docs/storage-format.md', import.meta.url), 'utf8');

/** What stands in docs/storage-format.md between a heading and the next one of its level or above. */
function section(heading: string): string {
  const start = page.indexOf(`\n${heading}\n`);
  if (start < 0) throw new Error(`docs/storage-format.md has no "${heading}"`);
  const body = page.slice(start + heading.length + 2);
  const level = heading.indexOf(' ');
  const end = body.search(new RegExp(`^#{1,${level}} `, 'm'));
  return end < 0 ? body : body.slice(0, end);
}

/** The code block in a section. */
export function codeBlock(heading: string): string {
  const block = /```\n([\s\S]*?)```/.exec(section(heading))?.[1];
  if (block === undefined) throw new Error(`"${heading}" has no code block`);
  return block;
}

/** The rows of the recovery table in a section, each as "state found: what happens". */
export function recoveryRows(heading: string): string[] {
  const lines = section(heading).split('\n');
  const rows = lines
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const start = rows.findIndex(([, state]) => state === 'state found');
  if (start < 0) throw new Error(`"${heading}" has no recovery table`);
  return rows.slice(start + 2).map(([, state, , happens]) => `${state}: ${happens}`);
}

/** Bytes as the page shows them: sixteen a line with their offset; lines of zeros are left out. */
export function hexLines(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let offset = 0; offset < bytes.length; offset += 16) {
    const line = bytes.subarray(offset, offset + 16);
    if (line.every((byte) => byte === 0)) continue;
    const hex = Array.from(line, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    lines.push(`${offset.toString(16).padStart(4, '0')}  ${hex}\n`);
  }
  return lines.join('');
}
