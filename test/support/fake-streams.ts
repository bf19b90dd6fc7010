import type { ReplicaId } from '../../src/log/ids.js';
import type { Duplex, DuplexEvents, OpenDuplex } from '../../src/rpc/link.js';
import type { Random } from '../../src/runtime/random.js';
import type { FakeClock } from './fake-clock.js';
import { memoryDuplex, type Freight, type Line } from './memory-duplex.js';

export interface FakeStreamsOptions {
  readonly clock: FakeClock;
  readonly random: Random;
  /** How long a message is under way at the most. */
  readonly delayLimitMs: number;
  /** The share of messages that take their stream down, from 0 to 1. */
  readonly breaks: number;
  /** The share of messages that are lost on a stream that stands, from 0 to 1. */
  readonly loss: number;
  /** Counts the processes of a replica; undefined while there is none. */
  readonly lifeOf: (id: ReplicaId) => number | undefined;
  readonly isCut: (from: ReplicaId, to: ReplicaId) => boolean;
  readonly trace: (line: string, message: unknown) => void;
}

/** How long an end takes to notice that nothing passes on its stream any more. */
const keepaliveLimitMs = 1000;

/** A reader of bytes and of maps, so that a traced message shows all it says. */
export const readable = (_key: string, value: unknown): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  return value;
};

/** Pairs of replicas between which nothing passes. */
export class Cuts {
  readonly #pairs = new Set<string>();

  has(left: ReplicaId, right: ReplicaId): boolean {
    return this.#pairs.has(pairOf(left, right));
  }

  add(left: ReplicaId, right: ReplicaId): void {
    this.#pairs.add(pairOf(left, right));
  }

  clear(): void {
    this.#pairs.clear();
  }
}

const pairOf = (left: ReplicaId, right: ReplicaId): string =>
  left < right ? `${left}-${right}` : `${right}-${left}`;

/** One stream between two processes. */
interface Passage {
  readonly name: string;
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly lives: readonly [number | undefined, number | undefined];
  readonly lastArrivalMs: Record<'there' | 'back', number>;
  line: Line | undefined;
  /** Nothing passes any more, and its ends have yet to notice. */
  isDead: boolean;
}

/**
 * Streams over a made-up network. Messages of a stream take their time and keep their order; a stream breaks now and then,
 * when a process at one of its ends has died, and some time after something was sent over a cut.
 */
export class FakeStreams {
  readonly #options: FakeStreamsOptions;
  readonly #passages = new Set<Passage>();

  constructor(options: FakeStreamsOptions) {
    this.#options = options;
  }

  /** The streams that a process of `from` opens to `to`. */
  between<Message>(
    from: ReplicaId,
    to: ReplicaId,
    name: string,
    accept: (stream: Duplex<Message>) => DuplexEvents<Message>,
  ): OpenDuplex<Message> {
    return (events) => {
      const { lifeOf } = this.#options;
      const passage: Passage = {
        name,
        from,
        to,
        lives: [lifeOf(from), lifeOf(to)],
        lastArrivalMs: { there: 0, back: 0 },
        line: undefined,
        isDead: false,
      };
      this.#passages.add(passage);
      return memoryDuplex<Message>({
        accept,
        carry: (way, freight, arrive, line) => this.#carry(passage, way, freight, arrive, line),
        opened: (line) => (passage.line = line),
      })(events);
    };
  }

  /** A process has died. The other ends of its streams notice soon, or only when nothing comes any more. */
  crashed(id: ReplicaId): void {
    const { random, delayLimitMs } = this.#options;
    for (const passage of this.#passages) {
      if (passage.from !== id && passage.to !== id) continue;
      this.#die(passage, random.below(2) === 0 ? delayLimitMs : keepaliveLimitMs);
    }
  }

  #carry<Message>(
    passage: Passage,
    way: 'there' | 'back',
    freight: Freight<Message>,
    arrive: () => void,
    line: Line,
  ): void {
    const { clock, random, delayLimitMs, breaks, loss, isCut, trace } = this.#options;
    passage.line = line;
    if (passage.isDead) return;
    const { from, to, name } = passage;
    const delayMs = random.between(0.1, delayLimitMs);
    const fate = random.between(0, 1);
    trace(`${clock.now()} ${delayMs} ${fate} ${from}>${to} ${name} ${way}`, freight);
    if (isCut(from, to) || !this.#isAlive(passage)) {
      this.#die(passage, keepaliveLimitMs);
      return;
    }
    if (fate < breaks) {
      this.#die(passage, delayLimitMs);
      return;
    }
    if ('message' in freight && fate < breaks + loss) return;
    const arrivalMs = Math.max(passage.lastArrivalMs[way], clock.now() + delayMs);
    passage.lastArrivalMs[way] = arrivalMs;
    clock.timer(arrivalMs - clock.now(), () => {
      if (passage.isDead) return;
      if (isCut(from, to) || !this.#isAlive(passage)) this.#die(passage, keepaliveLimitMs);
      else arrive();
    });
  }

  #isAlive({ from, to, lives }: Passage): boolean {
    const { lifeOf } = this.#options;
    const [fromLife, toLife] = lives;
    return (
      fromLife !== undefined && toLife !== undefined && lifeOf(from) === fromLife && lifeOf(to) === toLife
    );
  }

  #die(passage: Passage, limitMs: number): void {
    if (passage.isDead) return;
    passage.isDead = true;
    this.#passages.delete(passage);
    const { clock, random } = this.#options;
    clock.timer(random.between(0, limitMs), () => passage.line?.break());
  }
}
