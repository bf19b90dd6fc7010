import { join } from 'node:path';
import type { StartReplicaOptions } from '../../src/index.js';

const disk = process.env['SYNOD_DISK'] ?? 'none';
const engine = process.env['SYNOD_ENGINE'] ?? 'paxos';
const reads = process.env['SYNOD_READS'] ?? 'barrier';
if (disk !== 'none' && disk !== 'real') throw new RangeError(`SYNOD_DISK is "${disk}"; write real or none`);
if (reads !== 'barrier' && reads !== 'log') {
  throw new RangeError(`SYNOD_READS is "${reads}"; write barrier or log`);
}

if (engine !== 'paxos' && engine !== 'omnipaxos') {
  throw new RangeError(`SYNOD_ENGINE is "${engine}"; write paxos or omnipaxos`);
}

/** What the replicas of the suite durability agree by. */
export const engineOptions: Pick<StartReplicaOptions, 'engine'> = { engine };

/** How the suites' servers read in this run. */
export const readOptions: Pick<StartReplicaOptions, 'reads'> = { reads };

/** Where a server of this run keeps its state, under the directory of its cluster: nowhere, unless it is to have a disk. */
export const diskOptions = (directory: string, server: number): Pick<StartReplicaOptions, 'dataDirectory'> =>
  disk === 'real' ? { dataDirectory: join(directory, String(server)) } : {};
