import { simulate, type Outcome, type RunOptions } from './simulation.js';

export type Simulate = (options: RunOptions) => Promise<Outcome>;

const longestShown = 200;

/**
 * Simulates one seed twice. If the traces differ, the outcome is that of the first run with the verdict that something in it is
 * not deterministic.
 */
export async function simulateTwice(
  options: RunOptions,
  simulateOnce: Simulate = simulate,
): Promise<Outcome> {
  const first = await simulateOnce(options);
  const second = await simulateOnce({ ...options, line: undefined });
  if (first.traceHash === second.traceHash) return first;
  const message = `not deterministic: ${await difference(options, simulateOnce)}`;
  return { ...first, verdict: { kind: 'failed', check: 'determinism', message, atMs: first.simulatedMs } };
}

/** The first line of the trace that differs, when both runs are done once more. */
async function difference(options: RunOptions, simulateOnce: Simulate): Promise<string> {
  const lines: string[] = [];
  await simulateOnce({ ...options, line: (line) => lines.push(line) });
  let index = 0;
  let found: string | undefined;
  await simulateOnce({
    ...options,
    line: (line) => {
      if (line !== lines[index]) found ??= differenceText(index, lines[index], line);
      index += 1;
    },
  });
  if (index < lines.length) found ??= differenceText(index, lines[index], undefined);
  return found ?? 'two runs had different traces, and two more had the same; run it again to see where';
}

const differenceText = (index: number, one: string | undefined, other: string | undefined): string =>
  `line ${index + 1} of the trace is ${shown(one)} at first, then ${shown(other)}`;

const shown = (line: string | undefined): string =>
  line === undefined ? 'none' : JSON.stringify(line.slice(0, longestShown));
