import { LogError } from '../../src/log/errors.js';

/** How a call came out, once it has: its result, or the kind of its failure, its reason, stage or hint. */
export const outcome = (call: Promise<unknown>): (() => string) => {
  let became = 'waits';
  call.then(
    (result) => (became = typeof result === 'string' ? result : 'passed'),
    (error: unknown) => (became = error instanceof LogError ? textOfFailure(error) : String(error)),
  );
  return () => became;
};
const textOfFailure = ({ failure }: LogError): string => {
  switch (failure.kind) {
    case 'refused':
      return failure.reason;
    case 'not-leader':
      return `not-leader ${failure.hint ?? 'nobody'}`;
    case 'outcome-unknown':
      return `unknown ${failure.stage}`;
    default:
      return failure.kind;
  }
};
