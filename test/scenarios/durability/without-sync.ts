import type { Disk } from '../../../src/storage/disk.js';
import { isLogTemporary, segmentNumber } from '../../../src/storage/segment-names.js';

/** The syncs of a replica, by what they make durable. */
export const syncKinds = ['frame', 'claim', 'recovery', 'snapshot', 'identity', 'directory'] as const;

export type SyncKind = (typeof syncKinds)[number];

/** Whether a file of this name, opened so, is synced for this. */
const isSyncedFor: Readonly<Record<SyncKind, (name: string, created: boolean) => boolean>> = {
  /** Frames, and headers of segments. */
  frame: (name) => segmentNumber(name) !== undefined,
  /** The zeros of a segment that is claimed ahead, and of the reserve. */
  claim: (name, created) => isLogTemporary(name) && created,
  /** The segment that recovery makes of zeros that are there. */
  recovery: (name, created) => isLogTemporary(name) && !created,
  snapshot: (name) => name.startsWith('snapshot-'),
  identity: (name) => name.startsWith('identity'),
  directory: () => false,
};

/** The same disk, but syncs of one kind do nothing and say nothing. */
export function withoutSync(disk: Disk, kind: SyncKind): Disk {
  return {
    open: async (name, options) => {
      const file = await disk.open(name, options);
      const isLeftOut = isSyncedFor[kind](name, options?.create === true);
      return isLeftOut ? { ...file, datasync: () => Promise.resolve() } : file;
    },
    rename: (from, to) => disk.rename(from, to),
    remove: (name) => disk.remove(name),
    list: () => disk.list(),
    syncDirectory: () => (kind === 'directory' ? Promise.resolve() : disk.syncDirectory()),
  };
}
