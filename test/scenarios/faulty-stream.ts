import {
  InterceptingCall,
  Metadata,
  status,
  type InterceptingListener,
  type StatusObject,
} from '@grpc/grpc-js';

/** What grpc-js gives an interceptor to pass a call on to. */
type InterceptedCall = ConstructorParameters<typeof InterceptingCall>[0];

/** What a frame meets on its way in one direction. */
export interface DirectedLink {
  /** Whether anything gets through now. */
  readonly isOpen: () => boolean;
  /** Takes a frame that is sent: what is left of it, if anything, arrives so much later. */
  readonly meet: (frame: Buffer) => { readonly left: Buffer | undefined; readonly delayMs: number };
}

type OnTheWay =
  | { readonly kind: 'frame'; readonly frame: Buffer; readonly atMs: number }
  | { readonly kind: 'end'; readonly act: () => void };

/**
 * One direction of a stream: what enters leaves in the same order, late or not at all. An end waits for the link to be
 * open, as the transport would repeat it until then.
 */
class Lane {
  #onTheWay: OnTheWay[] = [];
  #isBusy = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param leave hands a frame on, and calls `done` when the next may follow */
  constructor(
    private readonly link: DirectedLink,
    private readonly leave: (frame: Buffer, done: () => void) => void,
  ) {}

  put(frame: Buffer): void {
    const isOpen = this.link.isOpen();
    const { left, delayMs } = this.link.meet(frame);
    if (!isOpen || left === undefined) return;
    this.#onTheWay.push({ kind: 'frame', frame: left, atMs: performance.now() + delayMs });
    this.move();
  }

  putEnd(act: () => void): void {
    this.#onTheWay.push({ kind: 'end', act });
    this.move();
  }

  /** Drops what is on its way; an end that follows waits for none of it. */
  clear(): void {
    this.#onTheWay = [];
    this.#isBusy = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Lets out what may leave now; to be called also when the link has changed. */
  move(): void {
    while (!this.#isBusy && this.#timer === undefined) {
      const [next] = this.#onTheWay;
      if (next === undefined || (next.kind === 'end' && !this.link.isOpen())) return;
      if (next.kind === 'frame' && next.atMs > performance.now()) {
        this.#wait(next.atMs - performance.now());
        return;
      }
      this.#onTheWay.shift();
      if (next.kind === 'end') next.act();
      else if (this.link.isOpen()) this.#handOn(next.frame);
    }
  }

  #wait(ms: number): void {
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.move();
    }, Math.ceil(ms));
  }

  #handOn(frame: Buffer): void {
    this.#isBusy = true;
    this.leave(frame, () => {
      this.#isBusy = false;
      this.move();
    });
  }
}

type Outcome = Pick<StatusObject, 'code' | 'details'> & Partial<StatusObject>;

/** A stream whose frames, which are bytes, go over links with faults: `out` those sent, `back` those received. */
export class FaultyStream {
  readonly call: InterceptingCall;
  readonly #out: Lane;
  readonly #back: Lane;
  #listener: Partial<InterceptingListener> | undefined;
  /** The caller has been told how it ended. */
  #isTold = false;
  #hasEnded = false;

  /** @param over told when nothing more comes of it */
  constructor(
    private readonly inner: InterceptedCall,
    out: DirectedLink,
    back: DirectedLink,
    private readonly over: () => void,
  ) {
    this.#out = new Lane(out, (frame, done) => inner.sendMessageWithContext({ callback: done }, frame));
    this.#back = new Lane(back, (frame, done) => {
      if (!this.#isTold) this.#listener?.onReceiveMessage?.(frame);
      done();
    });
    this.call = new InterceptingCall({
      start: (metadata, listener) => this.#start(metadata, listener),
      sendMessageWithContext: (context, frame: Buffer) => {
        this.#out.put(frame);
        // What is on its way is out of the sender's hands, or each frame would wait for the one before to arrive.
        process.nextTick(() => context.callback?.());
      },
      sendMessage: (frame: Buffer) => this.#out.put(frame),
      startRead: () => undefined,
      halfClose: () => this.#out.putEnd(() => inner.halfClose()),
      cancelWithStatus: (code, details) => this.#cancel({ code, details }),
      getPeer: () => inner.getPeer(),
      getAuthContext: () => inner.getAuthContext(),
    });
  }

  /** A link under it has changed. */
  linkChanged(): void {
    this.#out.move();
    this.#back.move();
  }

  /** Ends it at once, on both sides. */
  fail(details: string): void {
    this.#out.clear();
    this.#back.clear();
    this.#tell({ code: status.UNAVAILABLE, details });
    this.inner.cancelWithStatus(status.UNAVAILABLE, details);
  }

  #start(metadata: Metadata, listener: Partial<InterceptingListener> | undefined): void {
    this.#listener = listener;
    this.inner.start(metadata, {
      onReceiveMetadata: (received: Metadata) => listener?.onReceiveMetadata?.(received),
      onReceiveMessage: (frame: Buffer) => {
        this.#back.put(frame);
        this.inner.startRead();
      },
      onReceiveStatus: (outcome: StatusObject) => {
        this.#hasEnded = true;
        if (this.#isTold) this.over();
        else this.#back.putEnd(() => this.#tell(outcome));
      },
    });
    // Frames are taken in as they come, or each would wait out the delay of the one before.
    this.inner.startRead();
  }

  /** The caller is told at once; the other side hears of it when it can. */
  #cancel(outcome: Outcome): void {
    this.#back.clear();
    this.#out.clear();
    this.#out.putEnd(() => this.inner.cancelWithStatus(outcome.code, outcome.details));
    this.#tell(outcome);
  }

  #tell(outcome: Outcome): void {
    if (this.#isTold) return;
    this.#isTold = true;
    // As grpc-js does itself: nothing is told before the caller has its call in hand.
    process.nextTick(() => this.#listener?.onReceiveStatus?.({ metadata: new Metadata(), ...outcome }));
    if (this.#hasEnded) this.over();
  }
}
