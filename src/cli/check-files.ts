import { writeFile } from 'node:fs/promises';
import { historyText } from '../check/history-text.js';
import type { History } from '../check/history.js';
import type { Judgement } from './check-judgement.js';
import type { CheckPlan } from './check-plan.js';
import { systemErrorText } from './system-error.js';

/** The files of a check. */
export interface CheckFiles {
  /** Null if it was not to be written, or could not be. */
  readonly pictureFile: string | null;
  readonly historyFile: string | null;
  /** What could not be written, and why. */
  readonly problems: readonly string[];
}

/**
 * Writes the picture of a violation, and the history unless all is well and nobody asked for it. Never rejects: a verdict
 * stands without files.
 */
export async function writeCheckFiles(
  plan: CheckPlan,
  history: History,
  judgement: Judgement,
): Promise<CheckFiles> {
  const problems: string[] = [];
  const write = async (file: string, text: () => string): Promise<string | null> => {
    try {
      await writeFile(file, text());
      return file;
    } catch (error) {
      problems.push(`${file}: ${systemErrorText(error)}`);
      return null;
    }
  };
  const isWanted = plan.keepsHistory || judgement.kind !== 'linearizable';
  return {
    pictureFile:
      judgement.kind === 'violated' ? await write(plan.pictureFile, () => judgement.picture) : null,
    historyFile: isWanted ? await write(plan.historyFile, () => historyText(history)) : null,
    problems,
  };
}
