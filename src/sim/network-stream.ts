import type { Duplex, DuplexEvents, OpenDuplex } from '../rpc/link.js';
import type { Network, Way } from './network.js';
import type { SimulatedProcess } from './simulated-process.js';

/** A stream that the process of one host opens to that of another. */
export interface RemoteDuplex<Message> extends Way {
  readonly network: Network;
  readonly caller: SimulatedProcess;
  /** The process that listens on the other host now; undefined if none does. */
  readonly callee: () => SimulatedProcess | undefined;
  /** Takes the stream at its other end, in the callee's process, when the first thing sent on it arrives. */
  readonly accept: (stream: Duplex<Message>) => DuplexEvents<Message>;
  /** Told of every message that leaves one of its ends, with the name of the process it leaves. */
  readonly said: (process: string, message: Message) => void;
}

/** What goes one way: a message, or the news that the other end has ended the stream. */
type Freight<Message> = { readonly message: Message } | { readonly ended: Error | undefined };

/** How long an end takes to notice that nothing passes any more. */
const keepaliveLimitMs = 1000;
/** Of messages that weather would lose, how many take the stream down instead. */
const breakShare = 0.05;

interface End<Message> {
  readonly way: Way;
  readonly process: SimulatedProcess;
  events: DuplexEvents<Message> | undefined;
  isOpen: boolean;
  /** When the last that was sent to this end arrives: nothing overtakes. */
  lastArrivalMs: number;
}

/** Makes the opener of streams over the network. */
export const remoteDuplex =
  <Message>(options: RemoteDuplex<Message>): OpenDuplex<Message> =>
  (events) => {
    const callee = options.callee();
    if (callee === undefined) return refusedStream(options, events);
    return new SimulatedStream(options, callee, events).nearEnd;
  };

/** Nobody listens: the end that opened it hears so after a while. */
function refusedStream<Message>(
  { network, caller }: RemoteDuplex<Message>,
  events: DuplexEvents<Message>,
): Duplex<Message> {
  let isOpen = true;
  caller.after(network.delayMs(), () => {
    if (isOpen) events.ended(new Error('nobody listens'));
  });
  return { send: () => undefined, pendingBytes: 0, end: () => void (isOpen = false) };
}

/** Messages in order, lost now and then although the stream stands, until it breaks or a process at one of its ends dies. */
class SimulatedStream<Message> {
  readonly nearEnd: Duplex<Message>;
  readonly #options: RemoteDuplex<Message>;
  readonly #near: End<Message>;
  readonly #far: End<Message>;
  #isDead = false;

  constructor(options: RemoteDuplex<Message>, callee: SimulatedProcess, events: DuplexEvents<Message>) {
    const { from, to, name, caller } = options;
    this.#options = options;
    this.#near = { way: { from, to, name }, process: caller, events, isOpen: true, lastArrivalMs: 0 };
    this.#far = {
      way: { from: to, to: from, name: `${name} back` },
      process: callee,
      events: undefined,
      isOpen: true,
      lastArrivalMs: 0,
    };
    this.nearEnd = this.#duplex(this.#near, this.#far);
    for (const end of [this.#near, this.#far]) end.process.onEnd(() => this.#die(keepaliveLimitMs));
  }

  #duplex(own: End<Message>, other: End<Message>): Duplex<Message> {
    return {
      send: (message) => {
        if (own.isOpen) this.#carry(own, other, { message });
      },
      pendingBytes: 0,
      end: (error) => {
        if (!own.isOpen) return;
        own.isOpen = false;
        this.#carry(own, other, { ended: error });
      },
    };
  }

  #carry(from: End<Message>, to: End<Message>, freight: Freight<Message>): void {
    if (this.#isDead) return;
    const { network, said } = this.#options;
    if ('message' in freight) said(from.process.name, freight.message);
    const { loss, delayLimitMs } = network.weather;
    const { delayMs, draw } = network.fateOnStream(from.way, 'message' in freight ? freight.message : 'end');
    if (network.isCut(from.way.from, from.way.to)) {
      this.#die(keepaliveLimitMs);
      return;
    }
    if (draw < loss * breakShare) {
      this.#die(delayLimitMs);
      return;
    }
    if ('message' in freight && draw < loss) {
      network.counts.lost += 1;
      return;
    }
    to.lastArrivalMs = Math.max(to.lastArrivalMs, network.nowMs + delayMs);
    to.process.after(to.lastArrivalMs - network.nowMs, () => this.#arrive(from, to, freight));
  }

  #arrive(from: End<Message>, to: End<Message>, freight: Freight<Message>): void {
    if (this.#isDead || !to.isOpen) return;
    const { network } = this.#options;
    if (network.isCut(from.way.from, from.way.to)) {
      this.#die(keepaliveLimitMs);
      return;
    }
    network.counts.delivered += 1;
    if ('ended' in freight) {
      this.#tellEnded(to, freight.ended);
      return;
    }
    if (to === this.#far) to.events ??= this.#options.accept(this.#duplex(this.#far, this.#near));
    try {
      to.events?.received(freight.message);
    } catch (error) {
      // As over gRPC: what `received` throws ends the stream, and the other end sees why.
      const problem = error instanceof Error ? error : new Error(String(error));
      this.#tellEnded(to, problem);
      this.#carry(to, from, { ended: problem });
    }
  }

  /** Nothing passes any more; each end notices after a while. */
  #die(limitMs: number): void {
    if (this.#isDead) return;
    this.#isDead = true;
    const { network } = this.#options;
    for (const end of [this.#near, this.#far]) {
      end.process.after(network.noticeMs(limitMs), () => this.#tellEnded(end, new Error('the stream broke')));
    }
  }

  #tellEnded(end: End<Message>, error: Error | undefined): void {
    if (!end.isOpen) return;
    end.isOpen = false;
    end.events?.ended(error);
  }
}
