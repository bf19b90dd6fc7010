import { ClientSession, sessionFor, type OpenedSession } from '../kv/client-session.js';
import { encodeCommand } from '../kv/command.js';
import type { ClientId, Result, WriteOperation } from '../kv/operation.js';
import { LogError } from '../log/errors.js';
import type { ReplicatedLog } from '../log/replicated-log.js';
import { CallError } from '../rpc/call-error.js';
import { untilAborted } from '../rpc/until-aborted.js';

/** As much of a log as clients' calls need. */
export type ProposableLog = Pick<ReplicatedLog<Result>, 'propose' | 'readBarrier'>;

/**
 * The session of this server for writes that came without one (rule R9): every write in the log has a session, so
 * that one attempt runs at most once even if its batch is decided twice.
 */
export class OwnSession {
  readonly #log: ProposableLog;
  readonly #session: ClientSession;

  /** @param closing aborts when the server closes; until then opening is tried */
  constructor(log: ProposableLog, sequenceWindow: number, closing: AbortSignal) {
    this.#log = log;
    this.#session = new ClientSession(() => this.#open(closing), sequenceWindow);
  }

  /** @throws LogError, CallError */
  async write(operation: WriteOperation, signal: AbortSignal): Promise<Result> {
    const session = await this.#current(signal);
    const result = await this.#attempt(session, operation, signal);
    if (result.kind !== 'refused' || result.refusal !== 'expired') return result;
    // Refused at its only apply, so it has not run; a session idle for too long makes way for a new one.
    this.#session.ended(session);
    return this.#attempt(await this.#current(signal), operation, signal);
  }

  async #attempt(session: OpenedSession, operation: WriteOperation, signal: AbortSignal): Promise<Result> {
    const sequence = session.window.take();
    if (sequence === undefined) throw tooMany();
    try {
      const command = { kind: 'write', session: sessionFor(session, sequence), operation } as const;
      return await this.#log.propose(encodeCommand(command), signal);
    } finally {
      session.window.settle(sequence);
    }
  }

  #current(signal: AbortSignal): Promise<OpenedSession> {
    return untilAborted(this.#session.current(), signal, () => new LogError({ kind: 'abandoned' }));
  }

  async #open(closing: AbortSignal): Promise<ClientId> {
    const result = await this.#log.propose(encodeCommand({ kind: 'open-session' }), closing);
    if (result.kind !== 'session-opened') throw new Error(`OpenSession answered ${result.kind}`);
    return result.clientId;
  }
}

const tooMany = (): CallError =>
  new CallError({
    code: 'RESOURCE_EXHAUSTED',
    reason: 'QUEUE_FULL',
    message: 'too many writes without a session are under way at this replica; retry, or open a session',
    retryAfterMs: 50,
  });
