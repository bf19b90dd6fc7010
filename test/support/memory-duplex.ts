import type { Duplex, DuplexEvents, OpenDuplex } from '../../src/rpc/link.js';

/** What goes one way on a stream in memory: a message, or the news that the other end has ended it. */
export type Freight<Message> = { readonly message: Message } | { readonly ended: Error | undefined };

export interface MemoryDuplexOptions<Message> {
  /** Takes the stream at its other end, when the first thing sent on it arrives there. */
  readonly accept: (stream: Duplex<Message>) => DuplexEvents<Message>;
  /**
   * Lets what is sent arrive, never within the send: by calling `arrive`, once, in the order of sending. It may drop it, or
   * break the stream.
   */
  readonly carry: (way: 'there' | 'back', freight: Freight<Message>, arrive: () => void, line: Line) => void;
  /** Told of each stream as it is opened. */
  readonly opened?: (line: Line) => void;
}

/** A stream as the network sees it. */
export interface Line {
  readonly isBroken: boolean;
  /** Both ends are told at once that the stream has ended; nothing arrives any more. */
  break(): void;
  /** What each end says when asked how much waits to be sent; the test may change it. */
  pendingBytes: number;
}

interface End<Message> {
  events: DuplexEvents<Message> | undefined;
  isOpen: boolean;
}

/** Opens streams in memory that keep the promises of `Duplex`. */
export function memoryDuplex<Message>(options: MemoryDuplexOptions<Message>): OpenDuplex<Message> {
  return (events) => {
    const stream = new MemoryStream(options, events);
    options.opened?.(stream);
    return stream.endOf('near');
  };
}

class MemoryStream<Message> implements Line {
  isBroken = false;
  pendingBytes = 0;
  readonly #options: MemoryDuplexOptions<Message>;
  readonly #near: End<Message>;
  readonly #far: End<Message> = { events: undefined, isOpen: true };

  constructor(options: MemoryDuplexOptions<Message>, events: DuplexEvents<Message>) {
    this.#options = options;
    this.#near = { events, isOpen: true };
  }

  break(): void {
    if (this.isBroken) return;
    this.isBroken = true;
    for (const end of [this.#near, this.#far]) this.#tellEnded(end, new Error('the stream broke'));
  }

  endOf(side: 'near' | 'far'): Duplex<Message> {
    const end = side === 'near' ? this.#near : this.#far;
    const way = side === 'near' ? 'there' : 'back';
    const pendingBytes = () => this.pendingBytes;
    return {
      send: (message) => {
        if (end.isOpen) this.#carry(way, { message });
      },
      get pendingBytes() {
        return pendingBytes();
      },
      end: (error) => {
        if (!end.isOpen) return;
        end.isOpen = false;
        this.#carry(way, { ended: error });
      },
    };
  }

  #carry(way: 'there' | 'back', freight: Freight<Message>): void {
    if (this.isBroken) return;
    this.#options.carry(way, freight, () => this.#arrive(way, freight), this);
  }

  #arrive(way: 'there' | 'back', freight: Freight<Message>): void {
    const end = way === 'there' ? this.#far : this.#near;
    if (this.isBroken || !end.isOpen) return;
    if ('ended' in freight) {
      this.#tellEnded(end, freight.ended);
      return;
    }
    if (end === this.#far) end.events ??= this.#options.accept(this.endOf('far'));
    try {
      end.events?.received(freight.message);
    } catch (error) {
      // As over gRPC: what `received` throws ends the stream, and the other end sees why.
      this.#tellEnded(end, error as Error);
      this.#carry(way === 'there' ? 'back' : 'there', { ended: error as Error });
    }
  }

  #tellEnded(end: End<Message>, error: Error | undefined): void {
    if (!end.isOpen) return;
    end.isOpen = false;
    end.events?.ended(error);
  }
}
