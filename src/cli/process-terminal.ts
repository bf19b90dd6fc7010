import type { Parent, Terminal } from './terminal.js';

/** The terminal of this very process. */
export function processTerminal(): Terminal {
  const interruption = new AbortController();
  // Once: a second Ctrl-C ends the process at once, as if nobody listened.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interruption.abort());
  // Whoever reads the output may stop reading; the command goes on, and says the rest to nobody.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  return {
    out: (text) => void process.stdout.write(text),
    note: (line) => void process.stderr.write(`${line}\n`),
    progress,
    watched: process.stderr.isTTY,
    readInput,
    interrupted: interruption.signal,
    parent: processParent(),
  };
}

function progress(text: string): void {
  if (!process.stderr.isTTY) return;
  process.stderr.cursorTo(0);
  process.stderr.clearLine(0);
  process.stderr.write(text);
}

async function readInput(limitBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  const input: AsyncIterable<Buffer> = process.stdin;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > limitBytes) throw new RangeError(`standard input has more than ${limitBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function processParent(): Parent | undefined {
  if (process.send === undefined) return undefined;
  const gone = new AbortController();
  process.once('disconnect', () => gone.abort());
  if (!process.connected) gone.abort();
  return {
    gone: gone.signal,
    tell: (message) =>
      new Promise((resolve) => {
        if (process.send === undefined || !process.connected) resolve();
        else process.send(message, undefined, undefined, () => resolve());
      }),
  };
}
