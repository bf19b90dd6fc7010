import type { ViewReport } from './view-status-service.js';

/** The view as a line of text. */
export function viewLine({ viewNumber, primary, backup, acknowledged, backupReady }: ViewReport): string {
  if (primary === null) return 'no view yet';
  const backupText =
    backup === null ? 'no backup' : `backup ${backup}${backupReady ? '' : ' (no state yet)'}`;
  return `view ${viewNumber}: primary ${primary}, ${backupText}${acknowledged ? '' : ', not acknowledged'}`;
}

/** What keeps the views from going on, as lines of text: one or none. */
export const viewTroubles = ({ viewService, trouble }: ViewReport): string[] =>
  trouble === '' ? [] : [`view service ${viewService}: ${trouble}`];
