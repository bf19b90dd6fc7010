import type { ClerkError, EndpointFailure } from '../clerk/clerk-error.js';
import { CommandFailure, type FailureDetails, type FailureKind } from './command-failure.js';
import { formatDuration } from './duration.js';
import { problemText } from './problem-text.js';

/** The call that failed, for the words about it. */
export interface FailedCall {
  readonly command: string;
  readonly writes: boolean;
  readonly endpoints: readonly string[];
  readonly timeoutMs: number;
}

const kindOf: Record<ClerkError['kind'], FailureKind> = {
  invalid: 'invalid',
  refused: 'refused',
  'timed-out': 'timed-out',
  aborted: 'interrupted',
  'session-ended': 'session-ended',
};

/** Why the clerk gave up a call, as the command says it. */
export function clerkFailure(error: ClerkError, call: FailedCall): CommandFailure {
  const kind = kindOf[error.kind];
  const endpoints = kind === 'timed-out' ? failuresOf(error, call) : [];
  const message = `${reasonOf(error, call, endpoints)}${consequenceOf(error, call)}`;
  const details: FailureDetails = {
    kind,
    message,
    ...(call.writes ? { outcome: error.outcome } : {}),
    ...(error.reason === undefined ? {} : { reason: error.reason }),
    ...(endpoints.length === 0 ? {} : { endpoints }),
  };
  return new CommandFailure(details);
}

/** Each endpoint with what it last answered; one that has not answered at all has no failure to tell. */
const failuresOf = (error: ClerkError, call: FailedCall): EndpointFailure[] =>
  call.endpoints.map((endpoint) => {
    const failure = error.failures.find((candidate) => candidate.endpoint === endpoint);
    return { endpoint, problem: failure === undefined ? 'no answer in time' : problemText(failure.problem) };
  });

function reasonOf(error: ClerkError, call: FailedCall, endpoints: readonly EndpointFailure[]): string {
  switch (error.kind) {
    case 'invalid':
    case 'refused':
      return error.message;
    case 'aborted':
      return 'interrupted';
    case 'session-ended':
      return `${call.command} lost its session`;
    case 'timed-out': {
      const tried = endpoints.map(({ endpoint, problem }) => `${endpoint}: ${problem}`).join('; ');
      return `${call.command} timed out after ${formatDuration(call.timeoutMs)} (${tried})`;
    }
  }
}

function consequenceOf(error: ClerkError, call: FailedCall): string {
  if (!call.writes || error.kind === 'invalid') return '';
  if (error.outcome === 'unknown') {
    return '; outcome unknown: it may have happened and may still happen, so read before repeating it';
  }
  return error.kind === 'refused' ? '' : '; nothing was written';
}
