import { readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import {
  lockDirectory,
  openDirectory,
  UnusableDirectory,
  type DirectoryLock,
} from '../server/directories.js';
import { DirectoryInUse } from '../server/storage-errors.js';
import { CommandFailure } from './command-failure.js';
import { engines } from './flags.js';
import { isSystemError, systemErrorText } from './system-error.js';

const layoutFile = 'dev.json';
const unfinishedLayout = `${layoutFile}.new`;
/** Of the layout; another one is refused. */
const formatVersion = 1;

/** What may be left where the making of a directory was cut short: by the probe of a directory, and by a lock. */
const ownNames = [unfinishedLayout, '.probe', 'lock'];

const layoutShape = z.object({
  formatVersion: z.literal(formatVersion),
  clusterId: z.string().min(1),
  engine: z.enum(engines),
  replicas: z.number().int().positive(),
  port: z.number().int().positive(),
});

/** What a directory of `dev` keeps, beside a directory for each replica. */
export type DevLayout = Omit<z.infer<typeof layoutShape>, 'formatVersion'>;
/** What `dev` was asked to run. */
export type WantedLayout = Omit<DevLayout, 'clusterId'>;

/** Where a replica of `dev` keeps its state. */
export const replicaDirectory = (directory: string, id: number): string => join(directory, `replica-${id}`);

/** Written last where a layout is made from a snapshot, and first by `dev`. @throws CommandFailure */
export async function writeLayout(directory: string, layout: DevLayout): Promise<void> {
  try {
    const text = `${JSON.stringify({ formatVersion, ...layout }, null, 2)}\n`;
    const disk = await openDirectory(directory);
    await writeFile(join(directory, unfinishedLayout), text, { flush: true });
    await disk.rename(unfinishedLayout, layoutFile);
    await disk.syncDirectory();
  } catch (error) {
    throw new CommandFailure({
      kind: 'storage-failed',
      message: `${join(directory, layoutFile)} cannot be written: ${systemErrorText(error)}`,
    });
  }
}

/** The directory of a cluster on this machine, for this process alone. */
export interface DevData {
  readonly clusterId: string;
  /** Lets others have the directory. */
  readonly close: () => Promise<void>;
}

/**
 * Opens the directory of a cluster on this machine, or makes it if there is none. Resolves once its cluster id is
 * durable.
 * @param drawClusterId draws the id of a new cluster
 * @throws CommandFailure if the directory is something else, of a cluster of another shape, or in use
 */
export async function openDevData(
  directory: string,
  wanted: WantedLayout,
  drawClusterId: () => string,
): Promise<DevData> {
  const names = await namesIn(directory);
  if (!names.includes(layoutFile) && names.some((name) => !ownNames.includes(name))) {
    throw stranger(directory, names);
  }
  const lock = await take(directory);
  try {
    const clusterId = await clusterIdIn(directory, wanted, drawClusterId);
    return { clusterId, close: () => lock.release() };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** Makes the directory if need be, and takes it. @throws CommandFailure */
async function take(directory: string): Promise<DirectoryLock> {
  try {
    await openDirectory(directory);
    return await lockDirectory(directory);
  } catch (error) {
    throw error instanceof DirectoryInUse || error instanceof UnusableDirectory
      ? refused(error.message)
      : error;
  }
}

async function clusterIdIn(
  directory: string,
  wanted: WantedLayout,
  drawClusterId: () => string,
): Promise<string> {
  const names = await namesIn(directory);
  if (names.includes(layoutFile)) return compared(directory, await readLayout(directory), wanted);
  const clusterId = drawClusterId();
  const { engine, replicas, port } = wanted;
  await writeLayout(directory, { clusterId, engine, replicas, port });
  return clusterId;
}

/** The names of what is in a directory; none where there is no directory. @throws CommandFailure */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    if (isSystemError(error, 'ENOENT')) return [];
    throw refused(`${directory} cannot be read: ${systemErrorText(error)}`);
  }
}

function compared(directory: string, found: DevLayout, wanted: WantedLayout): string {
  const [foundText, wantedText] = [shapeText(found), shapeText(wanted)];
  if (foundText === wantedText) return found.clusterId;
  throw refused(
    `${directory} keeps a cluster of ${foundText}; this would be one of ${wantedText}. Run it as it is (synod dev ` +
      `--data-dir ${directory} --replicas ${found.replicas} --port ${found.port} --engine ${found.engine}), or choose ` +
      'another directory with --data-dir',
  );
}

const shapeText = ({ engine, replicas, port }: WantedLayout): string => {
  const ports = replicas === 1 ? `port ${port}` : `ports ${port} to ${port + replicas - 1}`;
  return `${replicas} ${replicas === 1 ? 'replica' : 'replicas'} on ${ports} with the engine ${engine}`;
};

async function readLayout(directory: string): Promise<DevLayout> {
  const path = join(directory, layoutFile);
  try {
    const { formatVersion: _, ...layout } = layoutShape.parse(JSON.parse(await readFile(path, 'utf8')));
    return layout;
  } catch {
    throw refused(
      `${path} is not one that this version of synod dev writes (layout ${formatVersion}); use the version that wrote ` +
        'it, or choose another directory with --data-dir',
    );
  }
}

const stranger = (directory: string, names: readonly string[]): CommandFailure =>
  refused(
    `${directory} is not empty and has no ${layoutFile}, so it is no directory of synod dev (it has ` +
      `${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}), and nothing in it was touched; choose an empty ` +
      'or new directory with --data-dir',
  );

const refused = (message: string): CommandFailure =>
  new CommandFailure({ kind: 'directory-refused', message });
