import { encodeCommand } from '../kv/command.js';
import type { SessionParameters } from '../kv/limits.js';
import type { Operation, Request, Result, Session } from '../kv/operation.js';
import { operationProblem, sessionProblem } from '../kv/validate.js';
import type { ReplicatedLog } from '../log/replicated-log.js';
import { acceptedResult, invalidArgument, logCallError } from './call-errors.js';
import { OwnSession } from './own-session.js';

/**
 * What clients reach of a replica, without the wire: a request is validated, made a command, entered into the log,
 * and answered with the result of its apply. It never touches the store.
 */
export class KeyValueFrontend {
  readonly #log: ReplicatedLog<Result>;
  readonly #sequenceWindow: number;
  readonly #ownSession: OwnSession;

  constructor(log: ReplicatedLog<Result>, parameters: SessionParameters, closing: AbortSignal) {
    this.#log = log;
    this.#sequenceWindow = parameters.sequenceWindow;
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
    if (operation.kind === 'get') return this.#log.propose(encodeCommand(operation), signal);
    if (session === undefined) return this.#ownSession.write(operation, signal);
    const outside = sessionProblem(session, this.#sequenceWindow);
    if (outside !== undefined) throw invalidArgument('SEQUENCE_OUTSIDE_WINDOW', outside);
    return this.#log.propose(encodeCommand({ kind: 'write', session, operation }), signal);
  }
}
