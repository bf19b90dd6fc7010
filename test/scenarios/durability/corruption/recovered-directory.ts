import { createHash } from 'node:crypto';
import { defaultSessionParameters } from '../../../../src/kv/limits.js';
import { KeyValueStateMachine } from '../../../../src/kv/state-machine.js';
import { replicaId, type ReplicaId } from '../../../../src/log/ids.js';
import type { Member, RecordedPeers } from '../../../../src/log/roster.js';
import type { RecoveredPaxos } from '../../../../src/paxos/recovery.js';
import { silentLogger } from '../../../../src/runtime/logger.js';
import { seededRandom } from '../../../../src/runtime/random.js';
import { openDataDirectory } from '../../../../src/server/data-directory.js';
import { paxosEngine } from '../../../../src/server/paxos-engine.js';
import { recordedPeers } from '../../../../src/server/roster-records.js';
import { startingPoint, type StartingPoint } from '../../../../src/server/starting-point.js';
import type { RecoveredLog } from '../../../../src/storage/write-ahead-log.js';
import { FakeClock } from '../../../support/fake-clock.js';
import { ImageDisk, type Image } from './image-disk.js';

/** Those of the made-up worlds. */
export const members: readonly Member[] = [1, 2, 3].map((id) => ({
  id: replicaId(id),
  address: `fake:${id}`,
}));

/** What a replica goes on from, as read from its directory. */
export interface RecoveredDirectory {
  readonly log: RecoveredLog;
  readonly peers: RecordedPeers;
  readonly point: StartingPoint<RecoveredPaxos>;
  /** Of the state that a snapshot gave. */
  readonly digest: string;
  /**
   * Of all that was read from the disk and taken in. Where it is equal, a replica does the same from here on: nothing else
   * of the disk is in its memory.
   */
  readonly fingerprint: string;
}

/** @throws StorageDamage */
export async function recoverDirectory(
  image: Image,
  me: ReplicaId,
  onRead?: (file: string, offset: number, length: number) => void,
): Promise<RecoveredDirectory> {
  const directory = await openDataDirectory({
    disk: new ImageDisk(image, onRead),
    clock: new FakeClock(),
    random: seededRandom(1),
    wanted: {
      engine: paxosEngine.name,
      members,
      sessionParameters: defaultSessionParameters,
      replica: me,
      clusterId: 'fake',
    },
    clusterIdAtBirth: 'fake',
    fatal: (error) => {
      throw error;
    },
  });
  try {
    const state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters, members });
    const point = await startingPoint(paxosEngine, {
      directory,
      state,
      rebuild: false,
      memberCount: members.length,
      logger: silentLogger,
    });
    const { recovered: log, clusterId, directoryId, snapshots, suspect } = directory;
    const { lastLsn, bootCounter, damage, hardState } = log;
    const said = { lastLsn, bootCounter, damage, hardState, clusterId, directoryId };
    const held = {
      snapshots: snapshots.list(),
      loadedThrough: point.loadedThrough,
      suspect: suspect.sinceSlot,
    };
    const digest = Buffer.from(state.digest()).toString('hex');
    const records = log.records.map(({ kind, group, slot, round, replica, payload }) => [
      ...[kind, group, slot, round, replica],
      Buffer.from(payload).toString('latin1'),
    ]);
    const hash = createHash('sha1')
      .update(JSON.stringify([said, held, records]))
      .update(digest);
    return { log, point, digest, peers: recordedPeers(log.records), fingerprint: hash.digest('hex') };
  } finally {
    await directory.log.close();
  }
}
