import type { ClerkError, EndpointFailure } from '../clerk/clerk-error.js';
import type { ClerkTarget } from '../clerk/connect.js';
import { CommandFailure, type FailureDetails, type FailureKind } from './command-failure.js';
import { formatDuration } from './duration.js';
import { problemText } from './problem-text.js';

/** The call that failed, for the words about it. */
export interface FailedCall {
  readonly command: string;
  readonly writes: boolean;
  readonly target: ClerkTarget;
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
function failuresOf({ failures }: ClerkError, { target }: FailedCall): EndpointFailure[] {
  const problems = new Map(failures.map(({ endpoint, problem }) => [endpoint, problemText(problem)]));
  return (target.endpoints ?? [...problems.keys()]).map((endpoint) => ({
    endpoint,
    problem: problems.get(endpoint) ?? 'no answer in time',
  }));
}

/** All failures on one line. The view service is always named: who called it knows no other address. */
function triedText(failures: readonly EndpointFailure[], { target: { viewService } }: FailedCall): string {
  const texts = failures.map(({ endpoint, problem }) =>
    endpoint === viewService ? `view service ${endpoint}: ${problem}` : `${endpoint}: ${problem}`,
  );
  const isNamed = viewService === undefined || failures.some(({ endpoint }) => endpoint === viewService);
  return (isNamed ? texts : [`view service ${viewService}: no trouble`, ...texts]).join('; ');
}

function reasonOf(error: ClerkError, call: FailedCall, endpoints: readonly EndpointFailure[]): string {
  switch (error.kind) {
    case 'invalid':
    case 'refused':
      return error.message;
    case 'aborted':
      return 'interrupted';
    case 'session-ended':
      return `${call.command} lost its session`;
    case 'timed-out':
      return `${call.command} timed out after ${formatDuration(call.timeoutMs)} (${triedText(endpoints, call)})`;
  }
}

function consequenceOf(error: ClerkError, call: FailedCall): string {
  if (!call.writes || error.kind === 'invalid') return '';
  if (error.outcome === 'unknown') {
    return '; outcome unknown: it may have happened and may still happen, so read before repeating it';
  }
  return error.kind === 'refused' ? '' : '; nothing was written';
}
