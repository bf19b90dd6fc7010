import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { realClock } from '../src/runtime/real-clock.js';
import { frameBytes } from '../src/storage/frame.js';
import { logRecord } from '../src/storage/log-record.js';
import { nodeDisk } from '../src/storage/node-disk.js';
import { recordHeaderBytes } from '../src/storage/record-codec.js';
import { WriteAheadLog } from '../src/storage/write-ahead-log.js';

/**
 * Durable appends a second with so many waiting at once, beside a bare loop that writes and syncs frames of the same
 * size into a file of zeros. Usage: node build/bench/group-commit.js [--json] [--rounds n] [directory]
 */
const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false }, rounds: { type: 'string', default: '5' } },
  allowPositionals: true,
});
const rounds = Number(values.rounds);
const roundMs = 400;
const waitingCounts = [1, 16, 64, 256];
const valueBytes = 256;
const segmentBytes = 8 * 1024 * 1024;

interface Measured {
  readonly appendsPerSecond: number;
  readonly syncsPerSecond: number;
  readonly batch: number;
}

async function logRound(log: WriteAheadLog, waiting: number, slots: { next: number }): Promise<Measured> {
  const { frames, records } = log.stats;
  const payload = new Uint8Array(valueBytes).fill(7);
  const start = performance.now();
  const end = start + roundMs;
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      await log.append([logRecord('vote', { slot: slots.next++, round: 1, replica: 1, payload })]);
    }
  };
  await Promise.all(Array.from({ length: waiting }, worker));
  const seconds = (performance.now() - start) / 1000;
  const after = log.stats;
  const appended = after.records - records;
  const synced = after.frames - frames;
  return { appendsPerSecond: appended / seconds, syncsPerSecond: synced / seconds, batch: appended / synced };
}

/** What the disk can do: one write and one sync after the other, nothing else. */
async function bareRound(directory: string, bytes: number): Promise<number> {
  const file = await open(join(directory, 'bare'), 'w+');
  await file.write(Buffer.alloc(segmentBytes));
  await file.sync();
  const frame = Buffer.alloc(bytes, 7);
  const start = performance.now();
  let syncs = 0;
  for (let offset = 0; performance.now() < start + roundMs; syncs += 1) {
    await file.write(frame, 0, bytes, offset);
    await file.datasync();
    offset = offset + 2 * bytes > segmentBytes ? 0 : offset + bytes;
  }
  const seconds = (performance.now() - start) / 1000;
  await file.close();
  return syncs / seconds;
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

async function measure(log: WriteAheadLog, directory: string, waiting: number, slots: { next: number }) {
  const logs: Measured[] = [];
  const bare: number[] = [];
  await logRound(log, waiting, slots);
  for (let round = 0; round < rounds; round += 1) {
    const measured = await logRound(log, waiting, slots);
    logs.push(measured);
    bare.push(
      await bareRound(directory, frameBytes(Math.round(measured.batch) * (recordHeaderBytes + valueBytes))),
    );
    await log.dropBelow(slots.next, []);
  }
  const ratios = logs.map(({ syncsPerSecond }, index) => syncsPerSecond / (bare[index] ?? NaN));
  return {
    waiting,
    appendsPerSecond: Math.round(median(logs.map(({ appendsPerSecond }) => appendsPerSecond))),
    syncsPerSecond: Math.round(median(logs.map(({ syncsPerSecond }) => syncsPerSecond))),
    batch: Number(median(logs.map(({ batch }) => batch)).toFixed(1)),
    bareSyncsPerSecond: Math.round(median(bare)),
    ratio: Number(median(ratios).toFixed(2)),
  };
}

const parent = positionals[0] ?? tmpdir();
await mkdir(parent, { recursive: true });
const directory = await mkdtemp(join(parent, 'synod-bench-'));
try {
  const log = await WriteAheadLog.create({
    disk: nodeDisk(directory),
    clock: realClock,
    clusterId: 'bench',
    directoryId: '0'.repeat(32),
    segmentBytes,
    fatal: (error) => {
      throw error;
    },
  });
  const slots = { next: 0 };
  const results = [];
  for (const waiting of waitingCounts) results.push(await measure(log, directory, waiting, slots));
  await log.close();
  if (values.json) console.log(JSON.stringify({ valueBytes, rounds, roundMs, results }));
  else console.table(results);
} finally {
  await rm(directory, { recursive: true });
}
