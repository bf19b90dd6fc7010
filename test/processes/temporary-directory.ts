import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory for one test, and what removes it. */
export interface TemporaryDirectory {
  readonly path: string;
  remove(): Promise<void>;
}

export async function temporaryDirectory(): Promise<TemporaryDirectory> {
  const path = await mkdtemp(join(tmpdir(), 'synod-test-'));
  // Replicas of a killed `dev` end by themselves, and may make a file until then.
  return { path, remove: () => rm(path, { recursive: true, maxRetries: 30, retryDelay: 100 }) };
}
