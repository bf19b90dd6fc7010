import { lstat, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** A process of this machine that takes connections takes one within so many milliseconds. */
const probeLimitMs = 1000;

/**
 * Removes a socket file that no process listens at any more: one that was killed leaves it behind, and nobody could
 * listen there again. Anything else at that path stays, for listening there to fail in its own words.
 */
export async function removeStaleSocket(path: string): Promise<void> {
  try {
    // A connection to a file of another kind is refused as well.
    if ((await lstat(path)).isSocket() && (await isRefused(path))) await unlink(path);
  } catch {
    // There is none, or it is not for this process to touch.
  }
}

/** Whether nobody listens, for certain: a listener that is merely busy refuses in another way. */
const isRefused = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    const end = (refused: boolean) => {
      socket.destroy();
      resolve(refused);
    };
    socket.setTimeout(probeLimitMs, () => end(false));
    socket.once('connect', () => end(false));
    socket.once('error', (error) => end('code' in error && error.code === 'ECONNREFUSED'));
  });
