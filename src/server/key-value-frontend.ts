import { encodeCommand } from '../kv/command.js';
import type { SessionParameters } from '../kv/limits.js';
import type { GetOperation, Operation, Request, Result, Session } from '../kv/operation.js';
import { operationProblem, sessionProblem } from '../kv/validate.js';
import { acceptedResult, invalidArgument, logCallError } from './call-errors.js';
import { OwnSession, type ProposableLog } from './own-session.js';

export interface KeyValueFrontendOptions {
  readonly log: ProposableLog;
  readonly parameters: SessionParameters;
  /** How a Get becomes linearizable: by the log's read barrier, or as a command in the log; default `barrier`. */
  readonly reads?: 'barrier' | 'log';
  /** Reads the state as it is in this turn. */
  readonly read: (operation: GetOperation) => Result;
  /** Aborts when the server closes. */
  readonly closing: AbortSignal;
}

/**
 * What clients reach of a replica, without the wire: a request is validated, made a command, entered into the log,
 * and answered with the result of its apply. A Get waits for the log's read barrier instead and reads the state.
 */
export class KeyValueFrontend {
  readonly #options: KeyValueFrontendOptions;
  readonly #log: ProposableLog;
  readonly #ownSession: OwnSession;

  constructor(options: KeyValueFrontendOptions) {
    const { log, parameters, closing } = options;
    this.#options = options;
    this.#log = log;
    this.#ownSession = new OwnSession(log, parameters.sequenceWindow, closing);
  }

  /**
   * Resolves with the result of the request; never with a refusal.
   * @throws CallError
   */
  async execute(request: Request, signal: AbortSignal): Promise<Result> {
    try {
      return acceptedResult(await this.#propose(request, signal));
    } catch (error) {
      throw logCallError(error);
    }
  }

  #propose(request: Request, signal: AbortSignal): Promise<Result> {
    switch (request.kind) {
      case 'operation':
        return this.#operate(request.operation, request.session, signal);
      case 'open-session':
      case 'close-session':
        return this.#log.propose(encodeCommand(request), signal);
    }
  }

  #operate(operation: Operation, session: Session | undefined, signal: AbortSignal): Promise<Result> {
    const problem = operationProblem(operation);
    if (problem !== undefined) throw invalidArgument('BAD_REQUEST', problem);
    if (operation.kind === 'get') return this.#get(operation, signal);
    if (session === undefined) return this.#ownSession.write(operation, signal);
    const outside = sessionProblem(session, this.#options.parameters.sequenceWindow);
    if (outside !== undefined) throw invalidArgument('SEQUENCE_OUTSIDE_WINDOW', outside);
    return this.#log.propose(encodeCommand({ kind: 'write', session, operation }), signal);
  }

  async #get(operation: GetOperation, signal: AbortSignal): Promise<Result> {
    if (this.#options.reads === 'log') return this.#log.propose(encodeCommand(operation), signal);
    await this.#log.readBarrier(signal);
    return this.#options.read(operation);
  }
}
