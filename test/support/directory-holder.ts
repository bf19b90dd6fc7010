import { lockDirectory, DirectoryInUse } from '../../src/storage/node-directory-lock.js';

// A process that takes a directory and says how it went: `node directory-holder.js DIRECTORY socket|file hold|end`.
const [directory, by, then] = process.argv.slice(2);

try {
  await lockDirectory(directory!, { by: by === 'file' ? 'file' : 'socket' });
  process.stdout.write('taken\n');
  // The lock alone must not keep a process alive; this does.
  if (then === 'hold') setInterval(() => undefined, 1_000);
} catch (error) {
  if (!(error instanceof DirectoryInUse)) throw error;
  process.stdout.write(`in use: ${error.message}\n`);
}
