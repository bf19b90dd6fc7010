import { readFileSync } from 'node:fs';

const page = readFileSync(new URL('../../../docs/durability.md', import.meta.url), 'utf8');

/** The rows of the recovery table of docs/durability.md, each as "state found: what happens". */
export function recoveryRows(): string[] {
  const rows = page
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  const start = rows.findIndex(([, state]) => state === 'state found');
  if (start < 0) throw new Error('docs/durability.md has no recovery table');
  const table = rows.slice(start + 2);
  const end = table.findIndex(([, , leaves]) => leaves?.startsWith('---'));
  return (end < 0 ? table : table.slice(0, end - 1)).map(([, state, , happens]) => `${state}: ${happens}`);
}
