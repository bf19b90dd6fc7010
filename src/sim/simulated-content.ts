import type { Random } from '../runtime/random.js';

export const sectorBytes = 512;

/** Which of the changes that no sync covers a crash leaves: each at random, none, or all. */
export type Survival = 'random' | 'nothing' | 'everything';

/** Whether one more unsynced change is there after a crash. */
export const survives = (survival: Survival, random: Random): boolean =>
  // Not below(2): the first coins of small seeds, thrown so, are nearly the same.
  survival === 'random' ? random.below(1_000) < 500 : survival === 'everything';

/** Where a sector really ends up on its way to the platter; `undefined` is nowhere. */
export type Landing = (sector: number) => number | undefined;

const faithfully: Landing = (sector) => sector;

const zeroSector = new Uint8Array(sectorBytes);

/** Bytes in sectors that are never changed in place, so that copies can share them. A sector that is absent is zero. */
class SectorBytes {
  constructor(
    public length = 0,
    private readonly sectors = new Map<number, Uint8Array>(),
  ) {}

  copy(): SectorBytes {
    return new SectorBytes(this.length, new Map(this.sectors));
  }

  sector(index: number): Uint8Array {
    return this.sectors.get(index) ?? zeroSector;
  }

  put(index: number, sector: Uint8Array): void {
    if (Buffer.compare(sector, zeroSector) === 0) this.sectors.delete(index);
    else this.sectors.set(index, sector);
  }

  read(offset: number, length: number): Uint8Array {
    const end = Math.max(offset, Math.min(this.length, offset + length));
    const bytes = new Uint8Array(end - offset);
    for (let at = offset; at < end; at += sectorBytes - (at % sectorBytes)) {
      const from = at % sectorBytes;
      const piece = this.sector(Math.floor(at / sectorBytes)).subarray(from, from + end - at);
      bytes.set(piece, at - offset);
    }
    return bytes;
  }

  /** Puts bytes in, without making the whole longer, and answers which sectors have changed. */
  write(offset: number, bytes: Uint8Array): number[] {
    const changed: number[] = [];
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((offset + done) / sectorBytes);
      const from = (offset + done) % sectorBytes;
      const piece = bytes.subarray(done, done + sectorBytes - from);
      const sector = this.sector(index).slice();
      sector.set(piece, from);
      this.put(index, sector);
      changed.push(index);
      done += piece.length;
    }
    return changed;
  }

  lengthen(length: number): void {
    this.length = Math.max(this.length, length);
  }

  resize(length: number): void {
    for (const index of [...this.sectors.keys()]) {
      const kept = length - index * sectorBytes;
      if (kept <= 0) this.sectors.delete(index);
      else if (kept < sectorBytes) this.put(index, this.sector(index).slice().fill(0, kept));
    }
    this.length = length;
  }
}

interface Change {
  readonly number: number;
  /** Counts the writes, so that one of which only a part survives can be told. */
  readonly write: number;
  applyTo(platter: SectorBytes): void;
}

/** What a power cut did to writes that no sync covered. */
export interface Harm {
  /** Writes of which nothing is left. */
  lost: number;
  /** Writes of which a part is left. */
  torn: number;
}

/**
 * The content of one file twice over: as processes read it, and as the platter has it, with the changes between the two.
 * Every sector of a write is a change of its own, and so is the new length.
 */
export class SimulatedContent {
  private changes: Change[] = [];
  private lastChange = 0;
  private writes = 0;

  constructor(
    public name: string,
    private seen = new SectorBytes(),
    private platter = seen.copy(),
  ) {}

  get length(): number {
    return this.seen.length;
  }

  read(offset: number, length: number): Uint8Array {
    return this.seen.read(offset, length);
  }

  write(offset: number, bytes: Uint8Array, landing: Landing = faithfully): void {
    if (bytes.length === 0) return;
    this.writes += 1;
    for (const index of this.seen.write(offset, bytes)) {
      const target = landing(index);
      if (target === undefined) continue;
      const sector = this.seen.sector(index);
      this.change((platter) => platter.put(target, sector));
    }
    const end = offset + bytes.length;
    if (end > this.seen.length) this.change((platter) => platter.lengthen(end));
    this.seen.lengthen(end);
  }

  truncate(length: number): void {
    this.writes += 1;
    this.seen.resize(length);
    this.change((platter) => platter.resize(length));
  }

  /** What a sync that begins now covers. */
  mark(): number {
    return this.lastChange;
  }

  syncThrough(mark: number): void {
    this.settle(mark, () => true);
  }

  /** After a failed sync every change is on the platter or will never be: a later sync does not write it again. */
  failSync(mark: number, survival: Survival, random: Random): void {
    this.settle(mark, () => survives(survival, random));
  }

  /** The content after a power cut. */
  afterCrash(survival: Survival, random: Random, harm?: Harm): SimulatedContent {
    const platter = this.platter.copy();
    const kept = this.changes.filter(() => survives(survival, random));
    for (const change of kept) change.applyTo(platter);
    platter.resize(platter.length);
    if (harm !== undefined) this.tell(harm, new Set(kept));
    return new SimulatedContent(this.name, platter);
  }

  /** A copy of what processes see, all of it synced. */
  copy(): SimulatedContent {
    return new SimulatedContent(this.name, this.seen.copy());
  }

  /** Changes what is there behind everyone's back; all that was there counts as synced. */
  damage(act: (bytes: SectorBytes) => void): void {
    act(this.seen);
    this.platter = this.seen.copy();
    this.changes = [];
  }

  /** Adds to `harm` what became of the writes whose changes are not all kept. */
  private tell(harm: Harm, kept: ReadonlySet<Change>): void {
    const fates = new Map<number, Set<boolean>>();
    for (const change of this.changes) {
      fates.set(change.write, (fates.get(change.write) ?? new Set<boolean>()).add(kept.has(change)));
    }
    for (const fate of fates.values()) {
      if (fate.size > 1) harm.torn += 1;
      else if (fate.has(false)) harm.lost += 1;
    }
  }

  private change(applyTo: (platter: SectorBytes) => void): void {
    this.lastChange += 1;
    this.changes.push({ number: this.lastChange, write: this.writes, applyTo });
  }

  private settle(mark: number, kept: () => boolean): void {
    for (const change of this.changes) if (change.number <= mark && kept()) change.applyTo(this.platter);
    this.changes = this.changes.filter((change) => change.number > mark);
  }
}
