import { LogError } from './errors.js';
import type { Proposal, ProposalQueue } from './proposal-queue.js';

/**
 * Queues a command that is to be entered into the log. Resolves with the result of its first apply, and then calls
 * `answered`. Aborting `signal` takes the command out of the queue; once it has been taken to be proposed, that ends the
 * wait alone, as outcome unknown.
 * @throws LogError
 */
export function enqueue<Result>(
  queue: ProposalQueue<Result>,
  command: Uint8Array,
  signal: AbortSignal,
  answered: () => void,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) throw new LogError({ kind: 'abandoned' });
    const stopWaiting = () => {
      const withdrawn = queue.remove(proposal);
      proposal.settle({
        failure: withdrawn ? { kind: 'abandoned' } : { kind: 'outcome-unknown', stage: 'proposed' },
      });
    };
    const proposal: Proposal<Result> = {
      command,
      settle: (outcome) => {
        signal.removeEventListener('abort', stopWaiting);
        if ('result' in outcome) {
          resolve(outcome.result);
          answered();
        } else reject(new LogError(outcome.failure));
      },
    };
    queue.add(proposal);
    signal.addEventListener('abort', stopWaiting, { once: true });
  });
}
