import { InterceptingCall, Metadata, status, type Interceptor } from '@grpc/grpc-js';
import {
  ExchangeRequest,
  OmniPaxosPeerServiceService as definition,
} from '../../gen/synod/omnipaxos/v1/omnipaxos.js';
import type { Random } from '../../src/runtime/random.js';
import { FaultyStream, type DirectedLink } from './faulty-stream.js';
import { LinkFaults, type CutMode } from './link-faults.js';
import { ownStream } from './random-choices.js';

/** The delay of a message of an unreliable link is drawn below this. */
const delayBoundMs = 27;
/** One message in so many is lost by an unreliable link. */
const lossOneIn = 10;

/** One server or several, numbered from 0. */
export type Servers = number | readonly number[];

/** What was sent, also if it was lost. */
export interface Traffic {
  /** Protocol messages, of which a frame has several, and two for each unary call. */
  readonly messages: number;
  /** Of frames; unary calls are not weighed. */
  readonly bytes: number;
}

interface Link extends DirectedLink {
  readonly source: number;
  readonly destination: number;
  readonly random: Random;
  cut: boolean;
  messages: number;
  bytes: number;
}

interface OpenStream {
  readonly out: Link;
  readonly back: Link;
  readonly stream: FaultyStream;
}

const all = (servers: Servers): readonly number[] => (typeof servers === 'number' ? [servers] : servers);

/**
 * Faults of the links between servers that keep streams open. A link is cut message by message, in each direction by
 * itself: in mode `black-hole` what is sent over it vanishes, frames that are on the way included, and the stream lives
 * on; in mode `fail-at-once` streams over it end with UNAVAILABLE as it is cut, and new ones as they are opened, also if
 * only one direction is cut. A unary call needs both directions, and only as it starts. A server's link to itself is
 * never cut.
 */
export class StreamFaults {
  mode: CutMode = 'fail-at-once';
  /**
   * Whether all links are as the network of the labs at its worst: every frame is delayed by 0 to 26 ms, in order within
   * its stream, and every tenth message is lost. Of unary calls every tenth request and every tenth reply is.
   */
  unreliable = false;
  readonly #links: readonly (readonly Link[])[];
  readonly #streams = new Set<OpenStream>();

  /** @param random decides what unreliable links lose; each direction of each has a stream of its own, drawn from it */
  constructor(
    readonly serverCount: number,
    random: Random,
  ) {
    const servers = Array.from({ length: serverCount }, (_, server) => server);
    this.#links = servers.map((source) =>
      servers.map((destination) => this.#newLink(source, destination, ownStream(random))),
    );
  }

  /** Cuts the links between `a` and `b`, both ways. */
  cut(a: Servers, b: Servers): void {
    this.#set([...this.#between(a, b), ...this.#between(b, a)], true);
  }

  /** Cuts what `source` sends to `destination`; the way back stays. */
  cutOneWay(source: Servers, destination: Servers): void {
    this.#set(this.#between(source, destination), true);
  }

  /** Cuts the links of each of these to everybody else. */
  isolate(servers: Servers): void {
    const others = this.#links.map((_, server) => server);
    for (const server of all(servers)) this.cut(server, others);
  }

  /** Ends every cut between `a` and `b`. */
  link(a: Servers, b: Servers): void {
    this.#set([...this.#between(a, b), ...this.#between(b, a)], false);
  }

  /** Ends every cut. */
  heal(): void {
    this.#set(this.#links.flat(), false);
  }

  isOpen(source: number, destination: number): boolean {
    return !this.#link(source, destination).cut;
  }

  /** What one server has sent to another. */
  sent(source: number, destination: number): Traffic {
    const { messages, bytes } = this.#link(source, destination);
    return { messages, bytes };
  }

  /** What all have sent. */
  get traffic(): Traffic {
    const links = this.#links.flat();
    return {
      messages: links.reduce((sum, { messages }) => sum + messages, 0),
      bytes: links.reduce((sum, { bytes }) => sum + bytes, 0),
    };
  }

  /** All messages, as if every other one answered the one before. */
  get rpcCount(): number {
    return Math.ceil(this.traffic.messages / 2);
  }

  /** For the channel from one server to another. */
  interceptor(source: number, destination: number): Interceptor {
    const out = this.#link(source, destination);
    const back = this.#link(destination, source);
    return (options, nextCall) => {
      const isStream = options.method_definition.path === definition.exchange.path;
      if (!isStream) this.#countUnary(out, back);
      const isCut = out.cut || back.cut;
      if (isCut && (this.mode === 'fail-at-once' || !isStream)) {
        return severed(this.mode)(options, nextCall);
      }
      if (isStream) return this.#open(out, back, nextCall(options));
      if (this.#isLost(out)) return severed('fail-at-once')(options, nextCall);
      return this.#isLost(back) ? withoutReply(nextCall(options)) : new InterceptingCall(nextCall(options));
    };
  }

  #open(out: Link, back: Link, inner: ReturnType<Parameters<Interceptor>[1]>): InterceptingCall {
    const stream = new FaultyStream(inner, out, back, () => this.#streams.delete(open));
    const open = { out, back, stream };
    this.#streams.add(open);
    return stream.call;
  }

  #countUnary(out: Link, back: Link): void {
    out.messages += 1;
    back.messages += 1;
  }

  #set(links: readonly Link[], cut: boolean): void {
    for (const link of links) link.cut = cut && link.source !== link.destination;
    for (const { out, back, stream } of [...this.#streams]) {
      if (this.mode === 'fail-at-once' && (out.cut || back.cut)) stream.fail('the link is cut');
      else stream.linkChanged();
    }
  }

  #between(sources: Servers, destinations: Servers): Link[] {
    return all(sources).flatMap((source) =>
      all(destinations).map((destination) => this.#link(source, destination)),
    );
  }

  #link(source: number, destination: number): Link {
    const link = this.#links[source]?.[destination];
    if (link === undefined) {
      throw new RangeError(`there is no link from server ${source} to server ${destination}`);
    }
    return link;
  }

  #newLink(source: number, destination: number, random: Random): Link {
    const link: Link = {
      source,
      destination,
      random,
      cut: false,
      messages: 0,
      bytes: 0,
      isOpen: () => !link.cut,
      meet: (frame) => this.#meet(link, frame),
    };
    return link;
  }

  #meet(link: Link, frame: Buffer): ReturnType<DirectedLink['meet']> {
    const { header, messages } = ExchangeRequest.decode(frame);
    link.messages += messages.length;
    link.bytes += frame.length;
    if (!this.unreliable) return { left: frame, delayMs: 0 };
    const delayMs = link.random.below(delayBoundMs);
    const kept = messages.filter(() => !this.#isLost(link));
    if (kept.length === messages.length) return { left: frame, delayMs };
    const left = kept.length === 0 ? undefined : ExchangeRequest.encode({ header, messages: kept }).finish();
    return { left: left && Buffer.from(left), delayMs };
  }

  #isLost(link: Link): boolean {
    return this.unreliable && link.random.below(lossOneIn) === 0;
  }
}

/** For a call that never reaches the network. */
const severed = (mode: CutMode): Interceptor => {
  const faults = new LinkFaults();
  faults.mode = mode;
  faults.partition([]);
  return faults.interceptor(0, 1);
};

/** Lets a call run, and fails it in place of its answer. */
const withoutReply = (inner: ReturnType<Parameters<Interceptor>[1]>): InterceptingCall =>
  new InterceptingCall(inner, {
    start: (metadata, listener, next) =>
      next(metadata, {
        onReceiveMetadata: (received: Metadata) => listener.onReceiveMetadata(received),
        onReceiveMessage: () => undefined,
        onReceiveStatus: () =>
          listener.onReceiveStatus({
            code: status.UNAVAILABLE,
            details: 'the reply was lost',
            metadata: new Metadata(),
          }),
      }),
  });
