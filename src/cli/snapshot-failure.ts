import { CallError } from '../rpc/call-error.js';
import { NoSpaceError } from '../server/directories.js';
import { SnapshotProblem } from '../server/snapshot-backup-service.js';
import { StorageFailure } from '../server/storage-errors.js';
import { CommandFailure } from './command-failure.js';
import { formatDuration } from './duration.js';
import { problemText } from './problem-text.js';
import { startFailure } from './replica-failure.js';
import { systemErrorText } from './system-error.js';

/** The save that failed, for the words about it. */
export interface FailedSave {
  readonly file: string;
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
  readonly interrupted: boolean;
}

/** Why a snapshot was not saved. */
export function saveFailure(
  error: unknown,
  { file, endpoints, timeoutMs, interrupted }: FailedSave,
): CommandFailure {
  if (interrupted)
    return new CommandFailure({ kind: 'interrupted', message: 'interrupted; nothing was saved' });
  if (error instanceof CallError) {
    const expired = error.code === 'DEADLINE_EXCEEDED';
    const last = expired ? `no answer within ${formatDuration(timeoutMs)}` : problemText(error.message);
    return new CommandFailure({
      kind: 'unreachable',
      message: `no replica handed out its state (asked ${endpoints.join(', ')}; the last said: ${last}); nothing was saved`,
    });
  }
  return fileFailure(error, file) ?? startFailure(error);
}

/** Why no directory was made from a snapshot. */
export function restoreFailure(error: unknown, file: string): CommandFailure {
  if (error instanceof CommandFailure) return error;
  if (error instanceof SnapshotProblem) {
    return new CommandFailure({ kind: 'storage-failed', message: error.message });
  }
  return fileFailure(error, file) ?? startFailure(error);
}

function fileFailure(error: unknown, file: string): CommandFailure | undefined {
  if (error instanceof NoSpaceError || error instanceof StorageFailure) {
    return new CommandFailure({ kind: 'storage-failed', message: error.message });
  }
  if (!(error instanceof Error && 'errno' in error)) return undefined;
  return new CommandFailure({ kind: 'storage-failed', message: `${file}: ${systemErrorText(error)}` });
}
