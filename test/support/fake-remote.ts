import type { DoneEntry } from '../../src/log/done-map.js';
import type { Duplex, DuplexEvents } from '../../src/rpc/link.js';
import type { Slot } from '../../src/log/ids.js';
import type { Heartbeat, Message } from '../../src/omnipaxos/messages.js';
import type { Exchange, OmnipaxosLink } from '../../src/omnipaxos/service.js';
import { memoryDuplex, type Line } from './memory-duplex.js';
import { promiseTo } from './omnipaxos-machine.js';
import { headerBetween } from './rosters.js';

type Kind = Message['kind'];
type OfKind<Which extends Kind> = Extract<Message, { readonly kind: Which }>;

/**
 * A replica of OmniPaxos that a peer under test dials. It follows and agrees to everything, but for what the test takes
 * back, and keeps what it was told. Messages take a microtask each way.
 */
export class FakeRemote {
  readonly heard: Message[] = [];
  /** What it answers by itself. */
  readonly answers = { opening: true, heartbeats: true, prepares: true, values: true, confirms: true };
  /** What it says of itself in heartbeats. */
  heartbeat: Omit<Heartbeat, 'kind' | 'round'> = { ballot: undefined, candidate: false, led: true };
  /** This rides on every frame. */
  done: DoneEntry[] = [];
  /** Every stream that was opened to it. */
  readonly lines: Line[] = [];
  readonly ends: (Error | undefined)[] = [];
  readonly link: OmnipaxosLink;
  readonly #to: number;
  #stream: Duplex<Exchange> | undefined;
  /** The first slot of the leader's log that it does not hold. */
  #end: Slot = 0;

  constructor(
    readonly id: number,
    to: number,
  ) {
    this.#to = to;
    this.link = {
      exchange: memoryDuplex<Exchange>({
        accept: (stream) => this.#accept(stream),
        carry: (_way, _freight, arrive) => void Promise.resolve().then(arrive),
        opened: (line) => this.lines.push(line),
      }),
    };
  }

  /** Says something on its present stream. */
  say(...messages: Message[]): void {
    this.#stream?.send({ header: headerBetween(this.id, this.#to, this.done), body: messages });
  }

  /** Says something with another header. */
  sayRaw(exchange: Exchange): void {
    this.#stream?.send(exchange);
  }

  endStream(): void {
    this.#stream?.end();
  }

  /** What it has heard of one kind. */
  of<Which extends Kind>(kind: Which): OfKind<Which>[] {
    return this.heard.filter((message): message is OfKind<Which> => message.kind === kind);
  }

  #accept(stream: Duplex<Exchange>): DuplexEvents<Exchange> {
    this.#stream = stream;
    let isOpened = false;
    return {
      received: ({ body }) => {
        if (!isOpened && this.answers.opening) this.say();
        isOpened = true;
        for (const message of body) {
          this.heard.push(message);
          this.#answer(message);
        }
      },
      ended: (error) => this.ends.push(error),
    };
  }

  #answer(message: Message): void {
    const { answers } = this;
    switch (message.kind) {
      case 'heartbeat-request':
        if (answers.heartbeats) this.say({ kind: 'heartbeat', round: message.round, ...this.heartbeat });
        break;
      case 'prepare':
        if (answers.prepares) this.say(promiseTo(message));
        break;
      case 'accept-sync':
      case 'accept-decide':
        this.#end = message.first + message.values.length;
        if (message.values.length > 0 || message.kind === 'accept-sync') this.#accepted(message.ballot);
        break;
      case 'confirm':
        if (answers.confirms) this.say({ ...message, kind: 'confirmed' });
        break;
      default:
        break;
    }
  }

  #accepted(ballot: OfKind<'accepted'>['ballot']): void {
    if (this.answers.values) this.say({ kind: 'accepted', ballot, acceptedEnd: this.#end });
  }
}
