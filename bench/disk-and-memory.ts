import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Clerk } from '../src/index.js';
import { StatusClient } from '../src/cli/status-service.js';

/**
 * Puts a second with a disk and without, in one run: two clusters of three processes on this machine, loaded in turn by
 * the same clerk. Usage: node build/bench/disk-and-memory.js [--json] [--rounds n] [--concurrency n] [--data-dir directory]
 */
const { values } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    concurrency: { type: 'string', default: '64' },
    'data-dir': { type: 'string', default: tmpdir() },
  },
});
const rounds = Number(values.rounds);
const concurrency = Number(values.concurrency);
const roundMs = 2000;
const value = 'v'.repeat(256);
const keyCount = 1000;
const firstPort = { disk: 7811, memory: 7821 } as const;
type Kind = keyof typeof firstPort;

const commandPath = fileURLToPath(new URL('../src/cli/main.js', import.meta.url));

interface Cluster {
  readonly clerk: Clerk;
  readonly statuses: readonly StatusClient[];
  readonly processes: readonly ChildProcess[];
}

async function start(kind: Kind, directory: string): Promise<Cluster> {
  const endpoints = [0, 1, 2].map((index) => `127.0.0.1:${firstPort[kind] + index}`);
  const peers = endpoints.map((endpoint, index) => `${index + 1}=${endpoint}`).join(',');
  const place = (id: number) =>
    kind === 'disk' ? ['--data-dir', join(directory, String(id))] : ['--in-memory'];
  const processes = endpoints.map((_, index) =>
    spawn(
      process.execPath,
      [
        commandPath,
        'serve',
        '--id',
        String(index + 1),
        '--peers',
        peers,
        '--log-level',
        'warn',
        ...place(index + 1),
      ],
      { stdio: 'ignore' },
    ),
  );
  const clerk = new Clerk({ endpoints });
  await clerk.put('ready', 'yes', { timeoutMs: 30_000 });
  return { clerk, processes, statuses: endpoints.map((endpoint) => new StatusClient(endpoint)) };
}

/** What the first replica has counted so far. */
async function counted({ statuses }: Cluster): Promise<{ readonly slots: number; readonly frames: number }> {
  const [first] = statuses;
  const status = await first?.ask({ timeoutMs: 5000 });
  if (status?.reachable !== true) throw new Error('the first replica does not answer');
  return { slots: (status.applied ?? -1) + 1, frames: status.storage?.durableLsn ?? 0 };
}

interface Measured {
  readonly putsPerSecond: number;
  readonly putsPerSlot: number;
  /** Of one replica; 0 in memory. */
  readonly syncsPerPut: number;
}

async function round(cluster: Cluster): Promise<Measured> {
  const before = await counted(cluster);
  const beganMs = performance.now();
  let puts = 0;
  const worker = async (first: number) => {
    for (let key = first; performance.now() < beganMs + roundMs; key += concurrency) {
      await cluster.clerk.put(`key ${key % keyCount}`, value, { timeoutMs: 30_000 });
      puts += 1;
    }
  };
  await Promise.all(Array.from({ length: concurrency }, (_, index) => worker(index)));
  const seconds = (performance.now() - beganMs) / 1000;
  const after = await counted(cluster);
  return {
    putsPerSecond: puts / seconds,
    putsPerSlot: puts / (after.slots - before.slots),
    syncsPerPut: (after.frames - before.frames) / puts,
  };
}

function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((left, right) => left - right);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

const medians = (measured: readonly Measured[]): Measured => ({
  putsPerSecond: median(measured.map(({ putsPerSecond }) => putsPerSecond)),
  putsPerSlot: median(measured.map(({ putsPerSlot }) => putsPerSlot)),
  syncsPerPut: median(measured.map(({ syncsPerPut }) => syncsPerPut)),
});

async function stop({ clerk, statuses, processes }: Cluster): Promise<void> {
  await clerk.close();
  for (const status of statuses) status.close();
  await Promise.all(
    processes.map((child) => {
      const ended = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      return ended;
    }),
  );
}

const directory = await mkdtemp(join(values['data-dir'], 'synod-bench-'));
const clusters: Cluster[] = [];
try {
  const disk = await start('disk', directory);
  clusters.push(disk);
  const memory = await start('memory', directory);
  clusters.push(memory);
  const measured = { disk: [] as Measured[], memory: [] as Measured[], ratios: [] as number[] };
  await round(disk);
  await round(memory);
  for (let index = 0; index < rounds; index += 1) {
    const onDisk = await round(disk);
    const inMemory = await round(memory);
    measured.disk.push(onDisk);
    measured.memory.push(inMemory);
    measured.ratios.push(onDisk.putsPerSecond / inMemory.putsPerSecond);
  }
  const result = {
    disk: medians(measured.disk),
    memory: medians(measured.memory),
    ratio: median(measured.ratios),
  };
  if (values.json) console.log(JSON.stringify({ rounds, concurrency, valueBytes: value.length, ...result }));
  else {
    console.log(
      `${rounds} rounds of ${roundMs / 1000} s in turn, ${concurrency} puts of ${value.length} bytes at once; medians`,
    );
    for (const kind of ['disk', 'memory'] as const) {
      const { putsPerSecond, putsPerSlot, syncsPerPut } = result[kind];
      const syncs = kind === 'disk' ? `, ${syncsPerPut.toFixed(3)} syncs a put at one replica` : '';
      console.log(
        `${kind.padEnd(6)}  ${putsPerSecond.toFixed(0)} puts/s, ${putsPerSlot.toFixed(1)} puts a slot${syncs}`,
      );
    }
    console.log(`disk / memory  ${result.ratio.toFixed(2)}`);
  }
} finally {
  for (const cluster of clusters) await stop(cluster);
  await rm(directory, { recursive: true });
}
