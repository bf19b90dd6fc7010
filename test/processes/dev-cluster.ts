import { existsSync, readFileSync } from 'node:fs';
import { freePorts } from '../support/free-ports.js';
import { RunningCommand } from './command.js';

/** A replica as `dev` prints it. */
export interface PrintedReplica {
  readonly id: number;
  readonly pid: number;
  readonly address: string;
}

/** What has been printed of replicas. */
export const replicasIn = (stdout: string): PrintedReplica[] =>
  [...stdout.matchAll(/^replica (\d+) pid (\d+) (\S+)$/gm)].map(([, id, pid, address]) => ({
    id: Number(id),
    pid: Number(pid),
    address: address!,
  }));

/** A `synod dev` that is ready. */
export interface DevCluster {
  readonly dev: RunningCommand;
  /** Ports of the replicas. */
  readonly ports: readonly number[];
  readonly addresses: readonly string[];
  readonly replicas: readonly PrintedReplica[];
}

/** How `dev` keeps its state: in a directory, or in memory. */
const storageFlags = (dataDirectory: string | undefined): string[] =>
  dataDirectory === undefined ? ['--in-memory'] : ['--data-dir', dataDirectory];

/** The command line of one on the given ports, which follow each other. */
export const devFlags = (ports: readonly number[], dataDirectory?: string): string[] => [
  ...['dev', '--port', String(ports[0]), '--replicas', String(ports.length)],
  ...storageFlags(dataDirectory),
];

/** Starts one on the given ports, which follow each other, and waits until it is ready. */
export async function devCluster(
  ports: readonly number[],
  dataDirectory?: string,
  flags: readonly string[] = [],
): Promise<DevCluster> {
  const dev = new RunningCommand([...devFlags(ports, dataDirectory), ...flags]);
  await dev.printed('stdout', /^ready: .*\n/m);
  const addresses = ports.map((port) => `127.0.0.1:${port}`);
  return { dev, ports, addresses, replicas: replicasIn(dev.stdout) };
}

export const freeDevCluster = async (replicaCount = 3): Promise<DevCluster> =>
  devCluster(await freePorts(replicaCount));

/** Whether a process runs. One that has ended, and that nobody has asked about yet, does not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  const stat = `/proc/${pid}/stat`;
  return !existsSync(stat) || !/\) [ZX] /.test(readFileSync(stat, 'utf8'));
}
