import { z } from 'zod';
import { HistoryError, entryProblem, type History, type HistoryEntry } from './history.js';

/** Of the form of the text; another one is refused. */
const formatVersion = 1;
const heading = { format: 'synod-history', version: formatVersion } as const;

const headingLine = z.object({ format: z.literal(heading.format), version: z.number() });

const write = <const Kind extends string>(kind: Kind) =>
  z.strictObject({ kind: z.literal(kind), key: z.string(), value: z.string() });

const entryLine = z.strictObject({
  client: z.string(),
  operation: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('get'), key: z.string() }),
    write('put'),
    write('append'),
    write('put-hash'),
  ]),
  calledAt: z.number(),
  end: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('answered'),
      at: z.number(),
      answer: z.discriminatedUnion('kind', [
        z.strictObject({ kind: z.literal('get'), value: z.string(), found: z.boolean() }),
        z.strictObject({ kind: z.literal('put') }),
        z.strictObject({ kind: z.literal('append') }),
        z.strictObject({ kind: z.literal('put-hash'), previousValue: z.string() }),
      ]),
    }),
    z.strictObject({ kind: z.literal('unknown'), gaveUpAt: z.number().optional() }),
  ]),
});

/** A history as JSON, a line an entry below a line that names the format. `historyFrom` reads it. */
export const historyText = (history: History): string =>
  [heading, ...history].map((line) => `${JSON.stringify(line)}\n`).join('');

/** @throws HistoryError that names the line, if the text is none that `historyText` writes */
export function historyFrom(text: string): HistoryEntry[] {
  const [first = '', ...lines] = text.split('\n');
  checkHeading(first);
  return lines.flatMap((line, index) => (line.trim() === '' ? [] : [entryFrom(line, index + 2)]));
}

function checkHeading(line: string): void {
  const parsed = headingLine.safeParse(jsonOf(line, 1));
  if (!parsed.success) {
    throw new HistoryError(`line 1 is not ${JSON.stringify(heading)}: is this a history?`);
  }
  if (parsed.data.version !== formatVersion) {
    throw new HistoryError(
      `line 1: the history is of version ${parsed.data.version}; this software reads version ${formatVersion}`,
    );
  }
}

function entryFrom(line: string, number: number): HistoryEntry {
  const parsed = entryLine.safeParse(jsonOf(line, number));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const place = issue === undefined || issue.path.length === 0 ? 'the entry' : issue.path.join('.');
    throw new HistoryError(`line ${number}: ${place}: ${issue?.message ?? 'is no entry of a history'}`);
  }
  const problem = entryProblem(parsed.data);
  if (problem !== undefined) throw new HistoryError(`line ${number}: ${problem}`);
  return parsed.data;
}

function jsonOf(line: string, number: number): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    throw new HistoryError(
      `line ${number} is not JSON: ${error instanceof Error ? error.message : 'cut short?'}`,
    );
  }
}
