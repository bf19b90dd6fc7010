/**
 * What is on disk cannot be trusted, and the protocol has no safe way to go on from it: the replica does not start as a
 * voter (rule R6). The message names the file, what is wrong with it and what to do.
 */
export class StorageDamage extends Error {
  constructor(
    readonly file: string,
    /** What is wrong, with the offset in bytes if there is one. */
    readonly problem: string,
    /** What to do about it; one sentence. */
    readonly remedy: string = lostDirectoryRemedy,
  ) {
    super(`${file}: ${problem}. ${remedy}`);
    this.name = 'StorageDamage';
  }
}

/** The only way back for a replica whose directory is lost, until replicas can be replaced. */
export const lostDirectoryRemedy =
  'Its promises cannot be vouched for, so it must not vote again: save what the others hold with `synod snapshot save` ' +
  'and start a new cluster from that with `synod snapshot restore`';

/** The disk failed while the replica ran. Final: a failed sync is never tried again (rule R15). */
export class StorageFailure extends Error {
  constructor(what: string, cause: unknown) {
    super(`${what} failed: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    this.name = 'StorageFailure';
  }
}
