import type { Variant } from './variant.js';

const engine = 'primary-backup';

/** Mistakes in the engine whose views a service of its own makes. */
export const primaryBackupVariants: readonly Variant[] = [
  {
    name: 'pb-backup-answers-reads',
    rule: 'design 4.3: a backup refuses clients',
    engine,
    edits: [
      {
        file: 'primary-backup/primary-backup-log.js',
        find: `readBarrier(signal) {
        const refusal = this.#refusal();`,
        replace: `readBarrier(signal) {
        if (this.#options.membership.part.kind === 'backup')
            return Promise.resolve();
        const refusal = this.#refusal();`,
      },
    ],
  },
  {
    name: 'pb-reads-not-forwarded',
    rule: 'design 4.3: the primary forwards reads too, since it may have been replaced without knowing it',
    engine,
    edits: [
      {
        file: 'primary-backup/primary-backup-log.js',
        find: `const passed = this.#readers.add(signal);
        this.#pumpSoon();
        return passed;`,
        replace: 'return Promise.resolve();',
      },
    ],
  },
  {
    name: 'pb-sessions-not-transferred',
    rule: 'design 4.3: a new backup gets the whole state, sessions included',
    engine,
    edits: [
      {
        file: 'primary-backup/state-pull.js',
        find: 'builder.install();\n',
        replace: 'builder.install();\n            state.dropSessions();\n',
      },
    ],
  },
  {
    name: 'pb-answers-alone',
    rule: 'design 4.3: an unreachable backup never licenses answering alone',
    engine,
    edits: [
      {
        file: 'primary-backup/primary-backup-log.js',
        find: "if (answer === 'acknowledged') {",
        replace: "if (answer === 'acknowledged' || answer === 'failed') {",
      },
    ],
  },
  {
    name: 'pb-promoted-without-state',
    rule: 'design 4.3: a backup counts once it has the whole state',
    engine,
    edits: [
      {
        file: 'primary-backup/view.js',
        find: 'return this.#view.backup !== undefined && this.#backup.takesPart && !this.#backup.hasRestarted;',
        replace: 'return this.#view.backup !== undefined && !this.#backup.hasRestarted;',
      },
      {
        file: 'primary-backup/membership.js',
        find: 'const isMine = held === view.viewNumber - 1 && !isAcknowledged;',
        replace: 'const isMine = !isAcknowledged;',
      },
    ],
  },
  {
    name: 'pb-stale-primary-followed',
    rule: 'design 4.3: who has heard of a later view refuses what a primary of an earlier one forwards',
    engine,
    edits: [
      {
        file: 'primary-backup/membership.js',
        find: `standing.viewNumber < viewNumber) {
            return { kind: 'stale', viewNumber };`,
        replace: `standing.viewNumber < viewNumber) {
            return { kind: 'takes-part' };`,
      },
    ],
  },
  {
    name: 'pb-unsettled-overtaken',
    rule: 'design 4.3: no later operation overtakes an unsettled forward',
    engine,
    edits: [
      {
        file: 'primary-backup/primary-backup-log.js',
        find: 'await clock.sleep(retryMs, signal);',
        replace: `this.#unsettled = undefined;
        for (const proposal of unsettled.proposals)
            proposal.settle({ failure: { kind: 'outcome-unknown', stage: 'proposed' } });
        this.#readers.putBack(unsettled.readers);
        await clock.sleep(retryMs, signal);`,
      },
    ],
  },
  {
    name: 'pb-view-changed-unacknowledged',
    rule: 'design 4.3: no view ends before its primary has acknowledged it',
    engine,
    edits: [
      {
        file: 'primary-backup/view.js',
        find: 'if (primary === undefined || !this.isAcknowledged)\n            return;',
        replace: 'if (primary === undefined)\n            return;',
      },
    ],
  },
];
