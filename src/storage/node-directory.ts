import { mkdir, open, rm } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Disk } from './disk.js';
import { codeOf, isDiskFull, nodeDisk, syncNodeDirectory } from './node-disk.js';

/** A path at which no data can be kept; the message says why and what to do. */
export class UnusableDirectory extends Error {
  constructor(
    readonly path: string,
    problem: string,
    cause: unknown,
  ) {
    super(`the data directory ${path} ${problem}`, { cause });
    this.name = 'UnusableDirectory';
  }
}

function problemOf(error: unknown): string {
  if (isDiskFull(error)) return 'has no space left. Make room on its disk or name another directory';
  switch (codeOf(error)) {
    case 'EEXIST':
    case 'ENOTDIR':
      return 'is a file, or lies beneath one. Name a directory';
    case 'EACCES':
    case 'EPERM':
      return 'may not be read and written by this user. Change its owner or its mode, or name another directory';
    case 'EROFS':
      return 'is on a file system that is mounted read-only. Name another directory';
    default:
      return `cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/**
 * The disk over a directory, which is made if it is not there, with those above it. `syncEntries` makes the entries of one
 * directory durable; tests watch it.
 * @throws UnusableDirectory
 */
export async function openDirectory(path: string, syncEntries = syncNodeDirectory): Promise<Disk> {
  const directory = resolve(path);
  try {
    const firstMade = await mkdir(directory, { recursive: true });
    await probe(directory);
    for (const made of fromTo(directory, firstMade ?? directory)) await syncAbove(made, syncEntries);
  } catch (error) {
    throw new UnusableDirectory(path, problemOf(error), error);
  }
  return nodeDisk(directory);
}

/** Finds out by doing: permission bits say nothing of read-only mounts or of the rights a process has beside them. */
async function probe(directory: string): Promise<void> {
  const path = join(directory, '.probe');
  const handle = await open(path, 'w');
  await handle.close();
  await rm(path, { force: true });
}

/**
 * Directories whose entries are to be synced: the directory itself, and those above it up to the first one made. One that
 * was there already is treated alike, for a process may have been killed between making and syncing it.
 */
function fromTo(directory: string, first: string): string[] {
  const above = dirname(directory);
  return directory === first || above === directory ? [directory] : [directory, ...fromTo(above, first)];
}

async function syncAbove(directory: string, syncEntries: (path: string) => Promise<void>): Promise<void> {
  try {
    await syncEntries(dirname(directory));
  } catch (error) {
    // A directory above that this user may not read is none that this user has made.
    if (codeOf(error) !== 'EACCES') throw error;
  }
}
