import type { Disk, DiskFile } from '../../src/storage/disk.js';

type Change =
  | { readonly kind: 'write'; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'truncate'; readonly length: number };

/** Names of files whose directory entry is not synced yet begin with this. */
const hiddenPrefix = '.unsynced-';

/** Bytes of the disk beneath, read from `offset` on, as they look after `changes`. */
function changed(
  beneath: Uint8Array,
  offset: number,
  length: number,
  changes: readonly Change[],
): Uint8Array {
  const bytes = new Uint8Array(length);
  bytes.set(beneath);
  for (const change of changes) {
    if (change.kind === 'truncate') {
      bytes.fill(0, Math.min(length, Math.max(0, change.length - offset)));
      continue;
    }
    const from = Math.max(offset, change.offset);
    const to = Math.min(offset + length, change.offset + change.bytes.length);
    if (from < to) bytes.set(change.bytes.subarray(from - change.offset, to - change.offset), from - offset);
  }
  return bytes;
}

/** One file: what the disk beneath has of it, and the changes that no datasync covers yet. */
class UnsyncedFile {
  length = 0;
  private openers = 0;
  private changes: Change[] = [];
  private beneath: DiskFile | undefined;

  constructor(
    private readonly disk: Disk,
    /** Its name on the disk beneath, if it is there already. */
    public nameBeneath: string | undefined,
    private readonly hiddenName: string,
  ) {}

  async opened(): Promise<this> {
    if (this.beneath === undefined && this.nameBeneath !== undefined) {
      this.beneath = await this.disk.open(this.nameBeneath);
      if (this.changes.length === 0) this.length = await this.beneath.size();
    }
    this.openers += 1;
    return this;
  }

  async closed(): Promise<void> {
    this.openers -= 1;
    await this.closeBeneath();
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const changes = [...this.changes];
    const wanted = Math.max(0, Math.min(length, this.length - offset));
    const bytes = await this.beneath?.read(offset, wanted);
    return changed(bytes ?? new Uint8Array(0), offset, wanted, changes);
  }

  write(offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.changes.push({ kind: 'write', offset, bytes: new Uint8Array(bytes) });
    this.length = Math.max(this.length, offset + bytes.length);
  }

  truncate(length: number): void {
    this.changes.push({ kind: 'truncate', length });
    this.length = length;
  }

  unsynced(): ReadonlySet<Change> {
    return new Set(this.changes);
  }

  async writeThrough(covered: ReadonlySet<Change>): Promise<void> {
    const beneath = await this.createBeneath(this.hiddenName);
    for (const change of this.changes) {
      if (!covered.has(change)) continue;
      if (change.kind === 'write') await beneath.write(change.offset, change.bytes);
      else await beneath.truncate(change.length);
    }
    await beneath.datasync();
    this.changes = this.changes.filter((change) => !covered.has(change));
  }

  /** Gives the file its name on the disk beneath, where it is hidden, or not there at all. */
  async appear(name: string): Promise<void> {
    if (this.nameBeneath !== undefined) await this.disk.rename(this.nameBeneath, name);
    else await this.createBeneath(name);
    this.nameBeneath = name;
    await this.closeBeneath();
  }

  private async closeBeneath(): Promise<void> {
    if (this.openers > 0) return;
    await this.beneath?.close();
    this.beneath = undefined;
  }

  private async createBeneath(name: string): Promise<DiskFile> {
    if (this.beneath !== undefined) return this.beneath;
    this.beneath = await this.disk.open(name, { create: true });
    this.nameBeneath ??= name;
    return this.beneath;
  }
}

export interface SyncedOnlyOptions {
  /** Leaves out the datasync of this number (from 1) of the files of this name, and says nothing. */
  readonly dropDatasync?: { readonly file: string; readonly number: number };
}

/**
 * Keeps in memory what no sync covers, so that kill -9 of the process does what a power cut does. Writes reach the disk
 * beneath at `datasync`; creates, renames and removals at `syncDirectory`. A full disk is a failed sync here.
 */
export class SyncedOnlyDisk implements Disk {
  private readonly files = new Map<string, UnsyncedFile>();
  private changes: (() => Promise<void>)[] = [];
  private turn: Promise<unknown> = Promise.resolve();
  private begun: Promise<void> | undefined;
  private filesMade = 0;
  private readonly datasyncs = new Map<string, number>();

  constructor(
    private readonly disk: Disk,
    private readonly options: SyncedOnlyOptions = {},
  ) {}

  open(name: string, options?: { readonly create?: boolean }): Promise<DiskFile> {
    return this.inTurn(async () => {
      const file = options?.create === true ? (this.files.get(name) ?? this.create(name)) : this.find(name);
      return this.handle(name, await file.opened());
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.inTurn(() => {
      const file = this.find(from);
      this.files.delete(from);
      this.files.set(to, file);
      this.changes.push(async () => {
        await this.disk.rename(from, to);
        file.nameBeneath = to;
      });
    });
  }

  remove(name: string): Promise<void> {
    return this.inTurn(() => {
      this.find(name);
      this.files.delete(name);
      this.changes.push(() => this.disk.remove(name));
    });
  }

  list(): Promise<string[]> {
    return this.inTurn(() => [...this.files.keys()].sort());
  }

  syncDirectory(): Promise<void> {
    return this.inTurn(async () => {
      for (let next = this.changes.shift(); next !== undefined; next = this.changes.shift()) await next();
      await this.disk.syncDirectory();
    });
  }

  private find(name: string): UnsyncedFile {
    const file = this.files.get(name);
    if (file !== undefined) return file;
    throw Object.assign(new Error(`ENOENT: no such file or directory, '${name}'`), { code: 'ENOENT' });
  }

  private create(name: string): UnsyncedFile {
    const file = this.added(name, undefined);
    this.changes.push(() => file.appear(name));
    return file;
  }

  private added(name: string, nameBeneath: string | undefined): UnsyncedFile {
    this.filesMade += 1;
    const file = new UnsyncedFile(this.disk, nameBeneath, `${hiddenPrefix}${this.filesMade}`);
    this.files.set(name, file);
    return file;
  }

  private handle(name: string, file: UnsyncedFile): DiskFile {
    let closed = false;
    const whileOpen = async <Result>(effect: () => Result | Promise<Result>): Promise<Result> => {
      if (closed) throw new Error(`${name} is closed`);
      return await effect();
    };
    return {
      read: (offset, length) => whileOpen(() => file.read(offset, length)),
      write: (offset, bytes) => whileOpen(() => file.write(offset, bytes)),
      datasync: () => whileOpen(() => this.datasync(name, file)),
      size: () => whileOpen(() => file.length),
      truncate: (length) => whileOpen(() => file.truncate(length)),
      close: () =>
        whileOpen(() => {
          closed = true;
          return this.inTurn(() => file.closed());
        }),
    };
  }

  private async datasync(name: string, file: UnsyncedFile): Promise<void> {
    const number = (this.datasyncs.get(name) ?? 0) + 1;
    this.datasyncs.set(name, number);
    const dropped = this.options.dropDatasync;
    if (dropped?.file === name && dropped.number === number) return;
    const covered = file.unsynced();
    await this.inTurn(async () => {
      try {
        await file.writeThrough(covered);
      } catch (error) {
        throw new Error(`the sync of ${name} failed`, { cause: error });
      }
    });
  }

  /** One at a time, so that a file does not get its name while it is being written through. */
  private inTurn<Result>(effect: () => Result | Promise<Result>): Promise<Result> {
    this.begun ??= this.begin();
    const result = Promise.all([this.begun, this.turn]).then(effect);
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** Files that were hidden when the last process was killed never had a name. */
  private async begin(): Promise<void> {
    for (const name of await this.disk.list()) {
      if (name.startsWith(hiddenPrefix)) await this.disk.remove(name);
      else this.added(name, name);
    }
  }
}
