import type { SessionParameters } from '../../src/kv/limits.js';
import type { Command, Session, WriteOperation } from '../../src/kv/operation.js';
import { nextLink } from './fnv-twin.js';

export interface NaiveReply {
  readonly sequence: number;
  readonly result: object;
  readonly bytes: number;
}

export interface NaiveSession {
  readonly id: number;
  acknowledged: number;
  usedAt: number;
  replies: NaiveReply[];
}

const refused = (refusal: string) => ({ kind: 'refused', refusal });

/**
 * The replicated state once more, as rule R8 tells it and as slowly as it likes: sessions stand in a list in order
 * of use, sums are taken afresh, and refusals have no text. A reply weighs 64 bytes and its text.
 */
export class NaiveState {
  readonly values = new Map<string, string>();
  sessions: NaiveSession[] = [];
  issued = 0;
  /** How often any session was opened, or found when a write came. */
  uses = 0;

  constructor(private readonly parameters: SessionParameters) {}

  apply(command: Command): object {
    switch (command.kind) {
      case 'get':
        return {
          kind: 'get',
          value: this.values.get(command.key) ?? '',
          found: this.values.has(command.key),
        };
      case 'open-session':
        this.issued += 1;
        this.uses += 1;
        this.sessions.push({ id: this.issued, acknowledged: 0, usedAt: this.uses, replies: [] });
        if (this.sessions.length > this.parameters.sessionLimit) this.sessions.shift();
        return { kind: 'session-opened', clientId: this.issued };
      case 'close-session':
        this.sessions = this.sessions.filter(({ id }) => id !== command.clientId);
        return { kind: 'session-closed' };
      case 'raise-version':
        return { kind: 'version-raised', stateVersion: command.stateVersion };
      case 'write':
        return this.#write(command.session, command.operation);
    }
  }

  get repliesBytes(): number {
    return this.sessions.reduce((sum, session) => sum + this.#bytesOf(session), 0);
  }

  #write({ clientId, sequence, acknowledgedThrough }: Session, operation: WriteOperation): object {
    if (clientId > this.issued) return refused('never-issued');
    const session = this.sessions.find(({ id }) => id === clientId);
    if (session === undefined) return refused('expired');
    this.sessions = [...this.sessions.filter((other) => other !== session), session];
    this.uses += 1;
    session.usedAt = this.uses;
    session.acknowledged = Math.max(session.acknowledged, acknowledgedThrough);
    session.replies = session.replies.filter((reply) => reply.sequence > session.acknowledged);
    if (sequence <= session.acknowledged) return refused('already-acknowledged');
    const recorded = session.replies.find((reply) => reply.sequence === sequence);
    if (recorded !== undefined) return recorded.result;
    const isFull = this.#bytesOf(session) > this.parameters.sessionRepliesLimitBytes;
    if (isFull && sequence !== session.acknowledged + 1) return refused('replies-full');
    const previous = this.values.get(operation.key) ?? '';
    const result = this.#run(operation, previous);
    const text = operation.kind === 'put-hash' ? previous : '';
    session.replies.push({ sequence, result, bytes: 64 + Buffer.byteLength(text) });
    while (this.repliesBytes > this.parameters.repliesLimitBytes) this.sessions.shift();
    return result;
  }

  #run({ kind, key, value }: WriteOperation, previous: string): object {
    switch (kind) {
      case 'put':
        this.values.set(key, value);
        return { kind };
      case 'append':
        this.values.set(key, previous + value);
        return { kind };
      case 'put-hash':
        this.values.set(key, nextLink(previous, value));
        return { kind, previousValue: previous };
    }
  }

  #bytesOf({ replies }: NaiveSession): number {
    return replies.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}
