import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, realpath, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { codeOf } from './node-disk.js';

/** Another process works in the directory, or this one does already. */
export class DirectoryInUse extends Error {
  constructor(
    readonly directory: string,
    holder: string,
    remedy: string,
  ) {
    super(`the data directory ${directory} is in use by ${holder}. ${remedy}`);
    this.name = 'DirectoryInUse';
  }
}

/** The right to be the only process in a directory. It ends with the process, however that ends. */
export interface DirectoryLock {
  release(): Promise<void>;
}

export interface DirectoryLockOptions {
  /** What holds the lock: on Linux a socket, which the kernel takes back; elsewhere a file with the process id. */
  readonly by?: 'socket' | 'file';
}

/**
 * Takes a directory, which must exist, for this process alone. The lock does not keep the process alive. A socket is
 * seen by the processes of one network namespace only: containers that share a directory must share that too.
 * @throws DirectoryInUse
 */
export function lockDirectory(
  directory: string,
  { by = process.platform === 'linux' ? 'socket' : 'file' }: DirectoryLockOptions = {},
): Promise<DirectoryLock> {
  return by === 'socket' ? lockBySocket(directory) : lockByFile(directory);
}

/** Bytes of an address; a name that fills it is the same name whether or not a runtime fills names up with zeros. */
const socketNameBytes = 108;

async function lockBySocket(directory: string): Promise<DirectoryLock> {
  // By device and inode, so that every path to one directory meets the same lock.
  const { dev, ino } = await stat(directory, { bigint: true });
  const path = `\0synod-${dev}-${ino}`.padEnd(socketNameBytes, '\0');
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ path, exclusive: true }, resolve);
  }).catch((error: unknown) => {
    if (codeOf(error) !== 'EADDRINUSE') throw error;
    throw new DirectoryInUse(
      directory,
      'another process',
      'End that process first, or name another directory',
    );
  });
  server.unref();
  return { release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** A directory of its own for lock files, so that a `Disk`, which knows files only, does not meet them. */
const lockFolder = 'lock';
const namePattern = /^[0-9]{1,15}$/;
const lockAttempts = 100;

/**
 * The file of the highest number is the lock; it holds the id of its owner, or nothing once it is released. Whoever finds
 * it without a living owner makes the next one, which only one can. The highest is never removed: were numbers used
 * again, one who looked before could take what another has taken since.
 */
async function lockByFile(directory: string): Promise<DirectoryLock> {
  const folder = join(await realpath(directory), lockFolder);
  await mkdir(folder, { recursive: true });
  for (let attempt = 0; attempt < lockAttempts; attempt += 1) {
    const highest = Math.max(0, ...(await numbersIn(folder)));
    if (highest > 0) await refuseIfOwned(directory, fileOf(folder, highest));
    const number = highest + 1;
    const path = fileOf(folder, number);
    if (!(await create(path))) continue;
    const others = (await numbersIn(folder)).filter((other) => other !== number);
    if (others.every((other) => other < number)) {
      for (const older of others) await rm(fileOf(folder, older), { force: true });
      return { release: () => writeFile(path, '') };
    }
    await rm(path, { force: true });
  }
  throw new Error(`${directory}: others took and left its lock ${lockAttempts} times meanwhile`);
}

const fileOf = (folder: string, number: number): string => join(folder, String(number));

async function numbersIn(folder: string): Promise<number[]> {
  const names = await readdir(folder);
  return names.filter((name) => namePattern.test(name)).map(Number);
}

/** Makes a lock file that has its content from the first moment on, unless there is one. */
async function create(path: string): Promise<boolean> {
  const draft = `${path}-${randomUUID()}`;
  await writeFile(draft, `${process.pid}\n`);
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

async function refuseIfOwned(directory: string, path: string): Promise<void> {
  const owner = Number((await readFile(path, 'utf8').catch(emptyIfGone)).trim());
  if (!Number.isSafeInteger(owner) || owner <= 0 || !isAlive(owner)) return;
  const remedy = `End it first, or name another directory; if that process is none of this store's, remove ${path}`;
  throw new DirectoryInUse(directory, `process ${owner}`, remedy);
}

function emptyIfGone(error: unknown): string {
  if (codeOf(error) === 'ENOENT') return '';
  throw error;
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0);
    return true;
  } catch (error) {
    // A process that may not be signalled is there.
    return codeOf(error) === 'EPERM';
  }
}
