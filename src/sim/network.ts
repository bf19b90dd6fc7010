import type { Random } from '../runtime/random.js';
import type { SimulatedProcess } from './simulated-process.js';
import { traceText, type TraceHash } from './trace-hash.js';
import type { VirtualTime } from './virtual-time.js';

/** How messages fare. */
export interface Weather {
  /** The share of messages that are lost, from 0 to 1. */
  readonly loss: number;
  /** The share of requests between servers that arrive a second time later. */
  readonly duplication: number;
  /** How long most messages are under way at the most. */
  readonly delayLimitMs: number;
  /** The share of messages that are under way for up to `stragglerLimitMs`, and so are overtaken by others. */
  readonly stragglers: number;
  readonly stragglerLimitMs: number;
}

/** What becomes of all messages of one name. */
export interface MessageTrouble {
  readonly lost: boolean;
  /** How much longer they are under way. */
  readonly delayMs: number;
}

/** A way from one host to another, in one direction. */
export interface Way {
  readonly from: string;
  readonly to: string;
  /** What is said on it; for the trace. */
  readonly name: string;
}

export interface NetworkOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly trace: TraceHash;
  readonly weather: Weather;
}

const shortestDelayMs = 0.1;

/** Hosts and the ways between them: what is sent takes its time, is lost, or comes twice, as weather and cuts have it. */
export class Network {
  readonly counts = { delivered: 0, lost: 0, duplicated: 0 };
  /** Told of every message that is sent, lost or not. */
  sent: (way: Way, message: unknown) => void = () => undefined;
  readonly #options: NetworkOptions;
  /** How many faults cut each way now. */
  readonly #cuts = new Map<string, number>();
  /** By the name of messages. */
  readonly #troubles = new Map<string, MessageTrouble>();
  readonly #weathers: Weather[];
  #weather: Weather;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.#weathers = [options.weather];
    this.#weather = options.weather;
  }

  get weather(): Weather {
    return this.#weather;
  }

  /** Until the answer is called, this weather too: of each kind of trouble the worse counts. */
  worsen(weather: Weather): () => void {
    this.#weathers.push(weather);
    this.#weather = worstOf(this.#weathers);
    return () => {
      this.#weathers.splice(this.#weathers.indexOf(weather), 1);
      this.#weather = worstOf(this.#weathers);
    };
  }

  /** Until the answer is called, all messages of this name fare so. */
  disturb(name: string, trouble: MessageTrouble): () => void {
    this.#troubles.set(name, trouble);
    return () => {
      if (this.#troubles.get(name) === trouble) this.#troubles.delete(name);
    };
  }

  /** Lets nothing pass from one host to the other until the answer is called. */
  cut(from: string, to: string): () => void {
    const name = wayName(from, to);
    this.#cuts.set(name, (this.#cuts.get(name) ?? 0) + 1);
    return () => this.#cuts.set(name, (this.#cuts.get(name) ?? 0) - 1);
  }

  isCut(from: string, to: string): boolean {
    return (this.#cuts.get(wayName(from, to)) ?? 0) > 0;
  }

  /** Whether messages pass both ways. */
  isOpen(one: string, other: string): boolean {
    return !this.isCut(one, other) && !this.isCut(other, one);
  }

  /**
   * Sends a message to one process of the host `to`: `arrive` is called there, once or never. A process that has ended
   * meanwhile gets nothing.
   */
  send(way: Way, message: unknown, target: SimulatedProcess | undefined, arrive: () => void): void {
    const trouble = this.#troubles.get(way.name);
    const delayMs = this.#delayMs() + (trouble?.delayMs ?? 0);
    const isLost = this.#options.random.between(0, 1) < this.#weather.loss || trouble?.lost === true;
    this.#told(way, isLost ? 'lost' : delayMs.toFixed(3), message);
    if (isLost || this.isCut(way.from, way.to) || target === undefined) {
      this.counts.lost += 1;
      return;
    }
    target.after(delayMs, () => this.#arrive(way, arrive));
  }

  /** As `send`, for a request between servers, which may arrive twice: `again` is called for the second one. */
  sendPerhapsTwice(
    way: Way,
    message: unknown,
    target: SimulatedProcess | undefined,
    arrive: () => void,
    again: () => void,
  ): void {
    this.send(way, message, target, arrive);
    if (this.#options.random.between(0, 1) >= this.#weather.duplication) return;
    this.counts.duplicated += 1;
    const delayMs = this.#delayMs() + this.#delayMs();
    this.#told(way, `again ${delayMs.toFixed(3)}`, '');
    target?.after(delayMs, () => this.#arrive(way, again));
  }

  /** What a stream needs to carry one message: how long it takes, and whether it or the whole stream is lost. */
  fateOnStream(way: Way, message: unknown): { readonly delayMs: number; readonly draw: number } {
    const delayMs = this.#delayMs() + (this.#troubles.get(way.name)?.delayMs ?? 0);
    const fate = { delayMs, draw: this.#options.random.between(0, 1) };
    this.#told(way, `${fate.delayMs.toFixed(3)} ${fate.draw.toFixed(3)}`, message);
    return fate;
  }

  get nowMs(): number {
    return this.#options.time.nowMs;
  }

  /** How long it takes an end to notice something, at the most `limitMs`. */
  noticeMs(limitMs: number): number {
    return this.#options.random.between(shortestDelayMs, limitMs);
  }

  /** A delay as messages have it now. */
  delayMs(): number {
    return this.#delayMs();
  }

  #arrive({ from, to }: Way, arrive: () => void): void {
    if (this.isCut(from, to)) {
      this.counts.lost += 1;
      return;
    }
    this.counts.delivered += 1;
    arrive();
  }

  #told(way: Way, fate: string, message: unknown): void {
    const { time, trace } = this.#options;
    trace.add(`${time.nowMs.toFixed(3)} ${way.from}>${way.to} ${way.name} ${fate} ${traceText(message)}`);
    this.sent(way, message);
  }

  #delayMs(): number {
    const { random } = this.#options;
    const { stragglers, stragglerLimitMs, delayLimitMs } = this.#weather;
    const isStraggler = random.between(0, 1) < stragglers;
    return random.between(shortestDelayMs, isStraggler ? stragglerLimitMs : delayLimitMs);
  }
}

const wayName = (from: string, to: string): string => `${from}>${to}`;

const worstOf = (weathers: readonly Weather[]): Weather =>
  weathers.reduce((worst, weather) => ({
    loss: Math.max(worst.loss, weather.loss),
    duplication: Math.max(worst.duplication, weather.duplication),
    delayLimitMs: Math.max(worst.delayLimitMs, weather.delayLimitMs),
    stragglers: Math.max(worst.stragglers, weather.stragglers),
    stragglerLimitMs: Math.max(worst.stragglerLimitMs, weather.stragglerLimitMs),
  }));
