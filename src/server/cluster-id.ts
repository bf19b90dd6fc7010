import { createHash } from 'node:crypto';
import type { Member } from '../log/roster.js';

/** The cluster id of members that were not given one (rule R11). */
export function derivedClusterId(engine: string, members: readonly Member[], parameters: unknown): string {
  const text = JSON.stringify([engine, members.map(({ id, address }) => [id, address]), parameters]);
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** The cluster id of members that were restored from one file (rule R11). */
export function restoredClusterId(digest: string, members: readonly Member[]): string {
  return derivedClusterId('restored', members, digest);
}
