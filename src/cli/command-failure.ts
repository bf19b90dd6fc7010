import type { EndpointFailure } from '../clerk/clerk-error.js';
import { exitCodes, type ExitCode } from './exit-codes.js';

/** What went wrong, and with which exit code it ends the command. */
const exitCodeOfKind = {
  usage: exitCodes.usage,
  invalid: exitCodes.refused,
  refused: exitCodes.refused,
  unreachable: exitCodes.unreachable,
  'timed-out': exitCodes.unreachable,
  'session-ended': exitCodes.unreachable,
  interrupted: exitCodes.done,
  'no-verdict': exitCodes.noVerdict,
  'cannot-listen': exitCodes.cannotListen,
  internal: exitCodes.internal,
  'storage-failed': exitCodes.storage,
  'directory-refused': exitCodes.directory,
} as const satisfies Record<string, ExitCode>;

export type FailureKind = keyof typeof exitCodeOfKind;

/** Every kind there is; docs/interface.md lists the same. */
export const failureKinds: Readonly<Record<FailureKind, ExitCode>> = exitCodeOfKind;

export interface FailureDetails {
  readonly kind: FailureKind;
  /** One line, for people. */
  readonly message: string;
  /** Whether a write may have been executed; absent where nothing was to be written. */
  readonly outcome?: 'not-executed' | 'unknown';
  /** The store's own reason, where it gave one. */
  readonly reason?: string;
  readonly endpoints?: readonly EndpointFailure[];
}

/** A command that ends without what it was asked for. */
export class CommandFailure extends Error {
  readonly details: FailureDetails;

  constructor(details: FailureDetails) {
    super(details.message);
    this.name = 'CommandFailure';
    this.details = details;
  }

  get exitCode(): ExitCode {
    return exitCodeOfKind[this.details.kind];
  }
}
