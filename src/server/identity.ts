import { z } from 'zod';
import { incarnation, replicaId, type Incarnation, type ReplicaId } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import { StorageDamage } from '../storage/errors.js';
import { identityProblem, type Identity } from './hello.js';

/** Of the layout of a data directory; another one is refused. */
const formatVersion = 1;

export const identityFile = 'identity';

/** Whose directory it is; written once, at its birth (rule R11). */
export interface DirectoryIdentity extends Identity {
  readonly clusterId: string;
  readonly replica: ReplicaId;
  /** Drawn at birth; the replica's incarnation for ever. */
  readonly directoryId: Incarnation;
  /**
   * A directory whose birth was cut short has never voted, and is born anew; one that was being restored from a backup is
   * refused, because nothing here has the backup any more.
   */
  readonly phase: 'being-born' | 'being-restored' | 'born';
}

const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const document = z.object({
  formatVersion: count,
  phase: z.enum(['being-born', 'being-restored', 'born']),
  clusterId: z.string(),
  replicaId: count,
  directoryId: z.string(),
  engine: z.string(),
  members: z.array(z.object({ id: count, address: z.string() })),
  sessionParameters: z.object({
    sessionLimit: count,
    repliesLimitBytes: count,
    sessionRepliesLimitBytes: count,
    sequenceWindow: count,
  }),
});

/** What is written into the file. */
export const identityDocument = ({ replica, ...rest }: DirectoryIdentity): z.infer<typeof document> => ({
  formatVersion,
  ...rest,
  replicaId: replica,
  members: rest.members.map(({ id, address }) => ({ id, address })),
});

const memberFrom = ({ id, address }: { id: number; address: string }): Member => ({
  id: replicaId(id),
  address,
});

/** @throws StorageDamage if the file, though sealed, is none of this version */
export function identityFrom(value: unknown): DirectoryIdentity {
  const parsed = document.safeParse(value);
  if (!parsed.success || parsed.data.formatVersion !== formatVersion) {
    const version = parsed.data?.formatVersion;
    throw new StorageDamage(
      identityFile,
      version === undefined ? 'it is no identity' : `its format version is ${version}`,
      `This software reads format version ${formatVersion}: use the version that wrote the directory`,
    );
  }
  const { replicaId: id, directoryId, members, formatVersion: _, ...rest } = parsed.data;
  return {
    ...rest,
    replica: replicaId(id),
    directoryId: incarnation(directoryId),
    members: members.map(memberFrom),
  };
}

/** The directory is of another replica or cluster than the one that was to be started on it. */
export class DirectoryMismatch extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DirectoryMismatch';
  }
}

/** What is asked for when a replica is started on a directory. */
export interface WantedIdentity extends Identity {
  readonly replica: ReplicaId;
  /** Undefined takes the directory's own. */
  readonly clusterId: string | undefined;
}

/** @throws DirectoryMismatch that names both */
export function checkIdentity(found: DirectoryIdentity, wanted: WantedIdentity): void {
  const problem = mismatch(found, wanted);
  if (problem === undefined) return;
  throw new DirectoryMismatch(`${problem}. Start it as what it is, or choose another directory`);
}

function mismatch(found: DirectoryIdentity, wanted: WantedIdentity): string | undefined {
  if (found.replica !== wanted.replica) {
    return `the data directory is of replica ${found.replica}; this is replica ${wanted.replica}`;
  }
  if (wanted.clusterId !== undefined && found.clusterId !== wanted.clusterId) {
    return `the data directory is of cluster ${found.clusterId}; this replica is of cluster ${wanted.clusterId}`;
  }
  const problem = identityProblem(wanted, found);
  return problem && `the data directory is of another cluster: ${problem}`;
}
