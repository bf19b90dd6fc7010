/** The disk is full: nothing of the refused write may be relied upon. Out of a sync it is a failed sync instead. */
export class NoSpaceError extends Error {
  constructor(file: string) {
    super(`no space left on the disk for ${file}`);
    this.name = 'NoSpaceError';
  }
}

/** A file of a `Disk`, open for reading and writing at any offset. */
export interface DiskFile {
  /** Reads up to `length` bytes at `offset`; fewer at the end of the file. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /**
   * Writes all of `bytes` at `offset`, or fails. It is not durable until `datasync` has returned.
   * @throws NoSpaceError, after which any part of `bytes` may have been written
   */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes everything written so far durable. A failure is final: it must never be tried again (rule R15). */
  datasync(): Promise<void>;
  size(): Promise<number>;
  truncate(length: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * One replica's directory as named files of bytes; nothing above it knows paths. A rename or a removal is
 * durable only after `syncDirectory`.
 */
export interface Disk {
  /** Opens a file, creating it if `create` is set; one that is not there fails with an error whose `code` is `ENOENT`. */
  open(name: string, options?: { readonly create?: boolean }): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** The names of all files, sorted. */
  list(): Promise<string[]>;
  syncDirectory(): Promise<void>;
}
