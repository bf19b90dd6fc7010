import { NoSpaceError, type Disk, type DiskFile } from '../storage/disk.js';
import type { Random } from '../runtime/random.js';
import { SimulatedContent, type Harm, type Landing, type Survival } from './simulated-content.js';
import { SimulatedNames } from './simulated-names.js';

export { sectorBytes, type Harm, type Survival } from './simulated-content.js';

export type OperationKind =
  | 'open'
  | 'read'
  | 'write'
  | 'datasync'
  | 'size'
  | 'truncate'
  | 'close'
  | 'rename'
  | 'remove'
  | 'list'
  | 'sync-directory';

export interface DiskOperation {
  readonly kind: OperationKind;
  /** The file's present name; empty for operations on the directory. */
  readonly file: string;
  readonly offset: number;
  /** Bytes to read or write, or the new length of a truncated file. */
  readonly length: number;
  /** What is written. */
  readonly bytes?: Uint8Array;
}

/** A fault of one file, or of whichever comes first. */
interface OfFile {
  readonly file: string | undefined;
}
type SyncFault = OfFile & { readonly error: Error; readonly survival: Survival };
type WriteFault = OfFile & ({ readonly error: Error } | { readonly landing: Landing });

const noCounts = (): Record<OperationKind, number> => ({
  open: 0,
  read: 0,
  write: 0,
  datasync: 0,
  size: 0,
  truncate: 0,
  close: 0,
  rename: 0,
  remove: 0,
  list: 0,
  'sync-directory': 0,
});

/**
 * A disk in memory that forgets, fails and lies as disks do. What is written is seen at once but survives `crash` for
 * certain only after a sync: a write falls into sectors of 512 bytes, each of which is kept or not. All chance comes from
 * the `random` it is given. Nothing waits for a timer.
 */
export class SimulatedDisk implements Disk {
  /**
   * Called before every operation; the operation waits for what it returns, and fails with what it throws. It may crash
   * the disk, and then the operation is not carried out.
   */
  before: ((operation: DiskOperation) => void | Promise<void>) | undefined;
  /** Room for the sizes of all files together; a write within a file's size needs none. */
  capacityBytes = Infinity;
  /** How many operations of each kind have been asked for. */
  readonly counts = noCounts();
  private readonly syncFaults: SyncFault[] = [];
  private readonly writeFaults: WriteFault[] = [];
  private crashed = false;

  constructor(
    private readonly random: Random,
    private readonly names = new SimulatedNames(),
  ) {}

  open(name: string, options?: { readonly create?: boolean }): Promise<DiskFile> {
    return this.perform({ kind: 'open', file: name }, () => {
      if (options?.create === true && !this.names.has(name)) {
        this.names.create(name, new SimulatedContent(name));
      }
      return this.handle(this.names.find(name, 'open'));
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.perform({ kind: 'rename', file: from }, () => this.names.rename(from, to));
  }

  remove(name: string): Promise<void> {
    return this.perform({ kind: 'remove', file: name }, () => this.names.remove(name));
  }

  list(): Promise<string[]> {
    return this.perform({ kind: 'list' }, () => this.names.list());
  }

  syncDirectory(): Promise<void> {
    return this.perform({ kind: 'sync-directory' }, () => this.names.sync());
  }

  /**
   * Cuts the power: this disk and its open files fail from now on. Answers the disk that the next process finds, on which
   * each unsynced sector, change of length, create, rename and removal is there or not, as `survival` says.
   */
  crash(survival: Survival = 'random', harm?: Harm): SimulatedDisk {
    this.crashed = true;
    return this.successor(this.names.afterCrash(survival, this.random, harm));
  }

  /** Ends the process but not the machine: the disk that the next process finds still knows what no sync covers. */
  handOver(): SimulatedDisk {
    this.crashed = true;
    return this.successor(this.names);
  }

  /** A copy of all that a process sees now, counted as synced. */
  image(): SimulatedDisk {
    return this.successor(this.names.copy());
  }

  /** What a process reads now. */
  content(file: string): Uint8Array {
    const content = this.names.find(file, 'read');
    return content.read(0, content.length);
  }

  /** The files that a process sees now. */
  files(): string[] {
    return this.names.list();
  }

  get usedBytes(): number {
    return this.names.contents().reduce((sum, content) => sum + content.length, 0);
  }

  /**
   * Lets the next datasync (of `file`, if named) fail. Each change it covered is on the platter or never will be, as
   * `survival` says, although it is read back well until the crash.
   */
  failNextSync(error: Error, file?: string, survival: Survival = 'random'): void {
    this.syncFaults.push({ file, error, survival });
  }

  /** Lets the next write (to `file`, if named) fail, having written a random part of its bytes from the start. */
  failNextWrite(error: Error, file?: string): void {
    this.writeFaults.push({ file, error });
  }

  /** Loses the next write (to `file`, if named): it reads back well until the crash, however often it is synced. */
  loseNextWrite(file?: string): void {
    this.writeFaults.push({ file, landing: () => undefined });
  }

  /** Puts the next write (to `file`, if named) `sectors` too far on; this too is seen after the crash only. */
  misdirectNextWrite(sectors: number, file?: string): void {
    this.writeFaults.push({ file, landing: (sector) => sector + sectors });
  }

  /** Flips one bit of a file, whose content then counts as synced. */
  flipBit(file: string, byte: number, bit: number): void {
    const [value] = this.names.find(file, 'flip').read(byte, 1);
    if (value === undefined) throw new RangeError(`${file} has no byte ${byte}`);
    this.overwrite(file, byte, Uint8Array.of(value ^ (1 << bit)));
  }

  /** Puts bytes into a file behind everyone's back, making it longer if need be; its content then counts as synced. */
  overwrite(file: string, offset: number, bytes: Uint8Array): void {
    this.names.find(file, 'overwrite').damage((content) => {
      content.write(offset, bytes);
      content.lengthen(offset + bytes.length);
    });
  }

  /** Cuts a file, or lengthens it with zeros; its content then counts as synced. */
  cutFile(file: string, length: number): void {
    this.names.find(file, 'cut').damage((content) => content.resize(length));
  }

  /** Takes a file away for good, and syncs the directory. */
  removeFile(file: string): void {
    this.names.remove(file);
    this.names.sync();
  }

  private successor(names: SimulatedNames): SimulatedDisk {
    const disk = new SimulatedDisk(this.random, names);
    disk.capacityBytes = this.capacityBytes;
    return disk;
  }

  private handle(content: SimulatedContent): DiskFile {
    let closed = false;
    const on = <Result>(
      operation: Omit<Partial<DiskOperation>, 'kind' | 'file'> & { readonly kind: OperationKind },
      effect: () => Result,
    ): Promise<Result> => {
      if (closed) return Promise.reject(new Error(`${content.name} is closed`));
      return this.perform({ file: content.name, ...operation }, effect);
    };
    return {
      read: (offset, length) => on({ kind: 'read', offset, length }, () => content.read(offset, length)),
      write: (offset, bytes) => {
        const copy = new Uint8Array(bytes);
        return on({ kind: 'write', offset, length: copy.length, bytes: copy }, () =>
          this.write(content, offset, copy),
        );
      },
      datasync: () => {
        const mark = content.mark();
        return on({ kind: 'datasync' }, () => this.datasync(content, mark));
      },
      size: () => on({ kind: 'size' }, () => content.length),
      truncate: (length) => on({ kind: 'truncate', length }, () => this.truncate(content, length)),
      close: () => on({ kind: 'close' }, () => void (closed = true)),
    };
  }

  private write(content: SimulatedContent, offset: number, bytes: Uint8Array): void {
    const fault = takeFor(this.writeFaults, content.name);
    if (fault !== undefined && 'error' in fault) {
      content.write(offset, bytes.subarray(0, this.random.below(bytes.length + 1)));
      throw fault.error;
    }
    const lacking = offset + bytes.length - content.length - this.freeBytes;
    const fits = lacking > 0 ? Math.max(0, bytes.length - lacking) : bytes.length;
    content.write(offset, bytes.subarray(0, fits), fault?.landing);
    if (fits < bytes.length) throw new NoSpaceError(content.name);
  }

  private truncate(content: SimulatedContent, length: number): void {
    if (length - content.length > this.freeBytes) throw new NoSpaceError(content.name);
    content.truncate(length);
  }

  private datasync(content: SimulatedContent, mark: number): void {
    const fault = takeFor(this.syncFaults, content.name);
    if (fault === undefined) {
      content.syncThrough(mark);
      return;
    }
    content.failSync(mark, fault.survival, this.random);
    throw fault.error;
  }

  private get freeBytes(): number {
    return Math.max(0, this.capacityBytes - this.usedBytes);
  }

  private async perform<Result>(
    operation: Partial<DiskOperation> & { readonly kind: OperationKind },
    effect: () => Result,
  ): Promise<Result> {
    this.refuseIfCrashed(operation.kind);
    this.counts[operation.kind] += 1;
    await this.before?.({ file: '', offset: 0, length: 0, ...operation });
    this.refuseIfCrashed(operation.kind);
    return effect();
  }

  private refuseIfCrashed(doing: OperationKind): void {
    if (this.crashed) throw new Error(`${doing} on a disk whose power was cut`);
  }
}

/** The first fault that is meant for this file, which is then no more. */
function takeFor<Fault extends OfFile>(faults: Fault[], file: string): Fault | undefined {
  const index = faults.findIndex((fault) => fault.file === undefined || fault.file === file);
  return index < 0 ? undefined : faults.splice(index, 1)[0];
}
