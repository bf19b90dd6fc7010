import type { Random } from '../runtime/random.js';
import { survives, type Harm, type SimulatedContent, type Survival } from './simulated-content.js';

type Entries = Map<string, SimulatedContent>;
type Change = (entries: Entries) => void;

const missing = (name: string, doing: string): Error =>
  Object.assign(new Error(`ENOENT: no such file or directory, ${doing} '${name}'`), { code: 'ENOENT' });

/** A directory twice over: as processes see it, and as the platter has it, with the changes between the two. */
export class SimulatedNames {
  private changes: Change[] = [];
  private readonly platter: Entries;

  constructor(private readonly seen: Entries = new Map<string, SimulatedContent>()) {
    this.platter = new Map(seen);
  }

  find(name: string, doing: string): SimulatedContent {
    const content = this.seen.get(name);
    if (content === undefined) throw missing(name, doing);
    return content;
  }

  has(name: string): boolean {
    return this.seen.has(name);
  }

  list(): string[] {
    return [...this.seen.keys()].sort();
  }

  contents(): SimulatedContent[] {
    return [...this.seen.values()];
  }

  create(name: string, content: SimulatedContent): void {
    this.change((entries) => entries.set(name, content));
  }

  rename(from: string, to: string): void {
    const content = this.find(from, 'rename');
    content.name = to;
    this.change((entries) => {
      // By content, so that an earlier rename which a crash undid does not leave it under two names.
      for (const [name, other] of [...entries]) if (other === content) entries.delete(name);
      entries.set(to, content);
    });
  }

  remove(name: string): void {
    const content = this.find(name, 'unlink');
    this.change((entries) => {
      if (entries.get(name) === content) entries.delete(name);
    });
  }

  sync(): void {
    for (const change of this.changes) change(this.platter);
    this.changes = [];
  }

  /** The directory after a power cut. */
  afterCrash(survival: Survival, random: Random, harm?: Harm): SimulatedNames {
    const entries = new Map(this.platter);
    for (const change of this.changes) if (survives(survival, random)) change(entries);
    return this.copied(entries, (content) => content.afterCrash(survival, random, harm));
  }

  /** A copy of what processes see, all of it synced. */
  copy(): SimulatedNames {
    return this.copied(this.seen, (content) => content.copy());
  }

  private copied(entries: Entries, copy: (content: SimulatedContent) => SimulatedContent): SimulatedNames {
    const copies = [...entries].map(([name, content]): [string, SimulatedContent] => {
      const copied = copy(content);
      copied.name = name;
      return [name, copied];
    });
    return new SimulatedNames(new Map(copies));
  }

  private change(change: Change): void {
    change(this.seen);
    this.changes.push(change);
  }
}
