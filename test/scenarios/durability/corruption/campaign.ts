import { identityFile } from '../../../../src/server/identity.js';
import { StorageDamage } from '../../../../src/storage/errors.js';
import { Contradiction } from './acceptor-memory.js';
import { damageKinds, type Damage, type DamageKind } from './damages.js';
import { runAmongPeers, type LiveOutcome } from './live-run.js';
import { recoverDirectory, type RecoveredDirectory } from './recovered-directory.js';
import { segmentsOf } from './segments.js';
import type { SoundDirectory } from './sound-directory.js';
import { victim } from './worlds.js';

/** How a case may end; anything else fails the campaign. */
const verdicts = ['repaired', 'refused', 'nothing depends on it'] as const;
export type Verdict = (typeof verdicts)[number];

const fileKinds = ['log', 'claimed ahead', 'reserve', 'snapshot', 'identity'] as const;
type FileKind = (typeof fileKinds)[number];

/**
 * What can look like a crash in or between frames, so that only the peers know better: writes lost at the end of the log,
 * its last files removed. Everything else must be found by the directory's own rules.
 */
const unseenLocally: readonly DamageKind[] = ['lost write', 'misdirected write', 'removal'];
/** A case that hangs. */
const caseLimitMs = 30_000;

/** One in so many bytes that are never read is flipped and read all the same. */
const unreadShare = 64;

type Row = Record<Verdict, number>;
const emptyRow = (): Row => ({ repaired: 0, refused: 0, 'nothing depends on it': 0 });

/**
 * Opens one damaged directory after another and judges what comes of it. What is read and taken in is all that a replica
 * knows of its disk; so of directories that read alike one is run among live peers, and stands for the others.
 */
export class Campaign {
  readonly #sound: SoundDirectory;
  readonly #rows = new Map<string, Row>();
  readonly #outcomes = new Map<string, LiveOutcome>();
  readonly #spare: string | undefined;
  /** Cases with a verdict. */
  cases = 0;
  /** Directories that were run among live peers. */
  runs = 0;
  messages = 0;
  /** Cases in which the directory seemed whole, and the peers knew of more. */
  refusedByPeers = 0;
  /** Cases for which no run was left; they may vote with what they know, which is all that was looked at. */
  notRun = 0;

  /** @param runLimit how many directories are run among live peers at the most */
  constructor(
    sound: SoundDirectory,
    private readonly runLimit: number,
  ) {
    this.#sound = sound;
    const inUse = segmentsOf(sound.image).map(({ name }) => name);
    this.#spare = [...sound.image.keys()].find((name) => name.endsWith('.segment') && !inUse.includes(name));
  }

  /** @throws Error that names the damage, if it ends in anything but one of the verdicts */
  async judge(damage: Damage): Promise<void> {
    const verdict = await this.#within(damage, this.#judged(damage)).catch((cause: unknown) => {
      const wrong = cause instanceof Contradiction ? 'WRONG DATA' : 'neither repaired nor refused';
      throw new Error(`seed ${this.#sound.seed}, ${damage.title}: ${wrong}: ${String(cause)}`, { cause });
    });
    if (verdict === undefined) {
      this.notRun += 1;
      return;
    }
    this.cases += 1;
    for (const row of [damage.kind, this.#kindOf(damage.file)]) {
      const counts = this.#rows.get(row) ?? emptyRow();
      counts[verdict] += 1;
      this.#rows.set(row, counts);
    }
  }

  count(verdict: Verdict): number {
    return damageKinds.reduce((sum, kind) => sum + (this.#rows.get(kind)?.[verdict] ?? 0), 0);
  }

  /** One line for each kind of damage and of file, and the totals. */
  table(): string {
    const rows = [...damageKinds, ...fileKinds].flatMap((name) => {
      const row = this.#rows.get(name);
      return row === undefined ? [] : [line(name, row)];
    });
    const total = Object.fromEntries(verdicts.map((verdict) => [verdict, this.count(verdict)])) as Row;
    const runs =
      `    ${this.runs} different memories were run among live peers; ${this.refusedByPeers} cases were refused by them ` +
      `alone; for ${this.notRun} more no run was left; wrong data: 0`;
    return [...rows, line('all', total), runs].join('\n');
  }

  /** Undefined if it would have to be run, and no run is left. */
  async #judged(damage: Damage): Promise<Verdict | undefined> {
    const { image, recovered: sound, memory, isRead } = this.#sound;
    const { file, byte } = damage;
    if (byte !== undefined && byte % unreadShare !== 0 && !isRead(file, byte)) return 'nothing depends on it';
    const damaged = damage.apply(image);
    let found: RecoveredDirectory;
    try {
      found = await recoverDirectory(damaged, victim);
    } catch (error) {
      checkRefusal(error);
      return 'refused';
    }
    if (found.fingerprint === sound.fingerprint) return 'nothing depends on it';
    if (found.log.lastLsn !== sound.log.lastLsn && !unseenLocally.includes(damage.kind)) {
      throw new Contradiction(
        `its log ends at frame ${found.log.lastLsn}, and nothing was found to be damaged`,
      );
    }
    const known = this.#outcomes.get(found.fingerprint);
    if (known !== undefined) return this.#told(known);
    memory.checkRecovered(found);
    if (this.runs === this.runLimit) return undefined;
    this.runs += 1;
    const { outcome, messages } = await runAmongPeers(this.#sound, damaged);
    this.messages += messages;
    if (outcome === 'repaired' && found.log.lastLsn < sound.log.lastLsn) {
      throw new Contradiction(`it votes on although its log ends at frame ${found.log.lastLsn}`);
    }
    this.#outcomes.set(found.fingerprint, outcome);
    return this.#told(outcome);
  }

  #told(outcome: LiveOutcome): LiveOutcome {
    if (outcome === 'refused') this.refusedByPeers += 1;
    return outcome;
  }

  #kindOf(file: string): FileKind {
    if (file === identityFile) return 'identity';
    if (file.startsWith('snapshot-')) return 'snapshot';
    if (file.startsWith('reserve-')) return 'reserve';
    return file === this.#spare ? 'claimed ahead' : 'log';
  }

  async #within<Result>(damage: Damage, work: Promise<Result>): Promise<Result> {
    let timer: NodeJS.Timeout | undefined;
    const overdue = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${damage.title} hangs`)), caseLimitMs);
    });
    try {
      return await Promise.race([work, overdue]);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A refusal names the file and what to do. @throws Error if this is none */
function checkRefusal(error: unknown): void {
  if (!(error instanceof StorageDamage)) throw error;
  const { file, problem, remedy } = error;
  if (file === '' || problem === '' || remedy === '')
    throw new Error('the refusal is incomplete', { cause: error });
}

const line = (name: string, row: Row): string => {
  const counts = verdicts.map((verdict) => `${String(row[verdict]).padStart(7)} ${verdict}`);
  const sum = verdicts.reduce((total, verdict) => total + row[verdict], 0);
  return `    ${name.padEnd(18)} ${String(sum).padStart(7)} cases: ${counts.join(', ')}`;
};
