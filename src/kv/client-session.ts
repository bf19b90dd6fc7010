import type { ClientId, Session } from './operation.js';
import { SequenceWindow } from './sequence-window.js';

/** A session as its client holds it. */
export interface OpenedSession {
  readonly clientId: ClientId;
  readonly window: SequenceWindow;
}

/** What a request bears of a write with this sequence, as acknowledged now. */
export const sessionFor = ({ clientId, window }: OpenedSession, sequence: number): Session => ({
  clientId,
  sequence,
  acknowledgedThrough: window.acknowledgedThrough,
});

/** A client's session: opened when first needed, once for all who wait, and again after it has ended. */
export class ClientSession {
  #opening: Promise<OpenedSession> | undefined;
  #opened: OpenedSession | undefined;

  /** @param open asks the store for a session, until there is one */
  constructor(
    private readonly open: () => Promise<ClientId>,
    private readonly sequenceWindow: number,
  ) {}

  /** The session if one is open. */
  get opened(): OpenedSession | undefined {
    return this.#opened;
  }

  current(): Promise<OpenedSession> {
    this.#opening ??= this.#open();
    return this.#opening;
  }

  /** `ended` is over; the next call of `current` opens another, unless that has happened already. */
  ended(ended: OpenedSession): void {
    if (this.#opened !== ended) return;
    this.#opened = undefined;
    this.#opening = undefined;
  }

  async #open(): Promise<OpenedSession> {
    try {
      this.#opened = { clientId: await this.open(), window: new SequenceWindow(this.sequenceWindow) };
      return this.#opened;
    } catch (error) {
      this.#opening = undefined;
      throw error;
    }
  }
}
