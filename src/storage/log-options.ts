import type { Clock } from '../runtime/clock.js';
import { clusterIdLimitBytes } from './segment-header.js';
import { sectorBytes } from './bytes.js';
import type { Disk } from './disk.js';
import type { StorageFailure } from './errors.js';

/** Where crash tests kill the process. */
export type TracePoint =
  | 'frame-begun'
  | 'frame-written'
  | 'frame-synced'
  | 'segment-claimed'
  | 'segment-opened'
  | 'segment-dropped'
  | 'first-segment-recorded'
  | 'recovery-segment-synced'
  | 'recovery-segment-renamed';

export interface LogOptions {
  readonly disk: Disk;
  readonly clock: Clock;
  /** At most 256 bytes. */
  readonly clusterId: string;
  /** 32 hexadecimal digits, lower case. */
  readonly directoryId: string;
  /** What a segment takes on disk, in whole sectors; of use to a new log only, an old one keeps its own. Default 4 MiB. */
  readonly segmentBytes?: number;
  /**
   * Files of a segment's size kept for snapshots, cutting and recovery on a full disk; half of them are never lent to
   * snapshots, so that a replica can always start again. Default 4, which is 16 MiB.
   */
  readonly reserveSegments?: number;
  /** How long records that nobody waits for may wait for company. Default 20. */
  readonly lazyFlushMs?: number;
  /** The most that one sync covers. Default 4 MiB; never more than a segment holds. */
  readonly frameLimitBytes?: number;
  /** Told once, when the disk has failed: the process must end (rule R15). */
  readonly fatal: (error: StorageFailure) => void;
  /** Told of every change of `hasSpace`. */
  readonly onSpace?: (hasSpace: boolean) => void;
  /** Told synchronously of every point passed. */
  readonly trace?: (event: TracePoint) => void;
}

/** The options with every default filled in. */
export type LogSettings = Required<LogOptions>;

const smallestSegmentBytes = 8 * sectorBytes;

function checkNumbers({ segmentBytes, frameLimitBytes }: LogSettings): void {
  for (const [name, bytes] of [
    ['segmentBytes', segmentBytes],
    ['frameLimitBytes', frameLimitBytes],
  ] as const) {
    if (!Number.isSafeInteger(bytes) || bytes % sectorBytes !== 0 || bytes < smallestSegmentBytes) {
      throw new RangeError(
        `${name} ${bytes} must be a multiple of ${sectorBytes} and at least ${smallestSegmentBytes}`,
      );
    }
  }
}

/** @throws RangeError for an id or a size that the log cannot write down */
export function logSettings(options: LogOptions): LogSettings {
  const settings: LogSettings = {
    segmentBytes: 4 * 1024 * 1024,
    reserveSegments: 4,
    lazyFlushMs: 20,
    frameLimitBytes: 4 * 1024 * 1024,
    onSpace: () => undefined,
    trace: () => undefined,
    ...options,
  };
  if (!/^[0-9a-f]{32}$/.test(settings.directoryId)) {
    throw new RangeError(`directory id "${settings.directoryId}" is not of 32 hexadecimal digits`);
  }
  if (Buffer.byteLength(settings.clusterId) > clusterIdLimitBytes) {
    throw new RangeError(`cluster id "${settings.clusterId}" is longer than ${clusterIdLimitBytes} bytes`);
  }
  checkNumbers(settings);
  return settings;
}
