import type { CheckLimits, Exhausted } from '../check/budget.js';
import { explanation } from '../check/describe-entry.js';
import type { History } from '../check/history.js';
import { checkLinearizable } from '../check/linearizable.js';
import { violationPicture } from '../check/picture.js';

/** A verdict as it can be sent from one thread to another. */
export type Judgement =
  | { readonly kind: 'linearizable'; readonly steps: number }
  | {
      readonly kind: 'violated';
      readonly key: string;
      /** A few sentences. */
      readonly explanation: string;
      /** A page of HTML. */
      readonly picture: string;
      readonly steps: number;
    }
  | {
      readonly kind: 'unknown';
      readonly limit: Exhausted | 'interrupted';
      /** Where the check ended; undefined if that is not known. */
      readonly key: string | undefined;
      /** How many keys have an order. */
      readonly keysJudged: number;
      readonly steps: number;
    };

/** @throws HistoryError */
export function judgementOn(history: History, limits: CheckLimits): Judgement {
  const verdict = checkLinearizable(history, limits);
  const { steps } = verdict;
  switch (verdict.kind) {
    case 'linearizable':
      return { kind: 'linearizable', steps };
    case 'violated': {
      const { violation } = verdict;
      const picture = violationPicture(history, violation);
      return { kind: 'violated', key: violation.key, explanation: explanation(violation), picture, steps };
    }
    case 'unknown': {
      const { exhausted, key, progress } = verdict;
      return { kind: 'unknown', limit: exhausted, key, keysJudged: progress.keysChecked, steps };
    }
  }
}
