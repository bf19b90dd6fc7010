import type { RunningReplica } from '../../src/index.js';
import { until } from './until.js';

/**
 * Waits until every replica may vote and hears a majority. Who cuts links before that meets a replica that is not on
 * record with enough others (rule R11), and takes no part until it is.
 */
export async function untilAllServe(replicas: readonly RunningReplica[], limitMs = 10_000): Promise<void> {
  await until('all replicas serve', limitMs, () => replicas.every(({ serving }) => serving) || undefined);
}
