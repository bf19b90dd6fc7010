import { expect } from 'chai';
import { allAndAgain, blowsFall } from './durability/blows.js';
import { inFull, roundCount } from './durability/rounds.js';
import { syncKinds } from './durability/without-sync.js';
import { scenario } from './report.js';

const suite = 'durability';
const timeoutMs = 60_000 + roundCount * 60_000;
/** What a missing sync must be noticed within. */
const noticedWithinRounds = 20;
const noticeTimeoutMs = 600_000;
/** A replica that refuses to go on, an answer that is wrong, or a state that nobody has: nothing that slowness could be. */
const harm =
  /stopped: (StorageDamage|UnknownIncarnation)|AssertionError|ClerkError|ENOENT|has fallen behind the log|does not vote yet/;

/** Disks of different speed: what the first has synced is still under way at the others when the power goes. */
const settings = { syncedOnly: true, syncDelaysMs: inFull ? [0, 20, 60] : [0, 5, 15] };

describe('durability', () => {
  scenario(suite, 'Power cuts', timeoutMs, ({ random, observe }) =>
    blowsFall({ settings, blow: allAndAgain, rounds: roundCount, random, observe }),
  );

  for (const withoutSync of inFull ? syncKinds : (['frame'] as const)) {
    scenario(suite, `Power cuts, ${withoutSync} not synced`, noticeTimeoutMs, async ({ random, observe }) => {
      const noticed = await blowsFall({
        settings: { ...settings, withoutSync, mustFail: true },
        blow: allAndAgain,
        rounds: noticedWithinRounds,
        random,
        observe,
      }).then(
        () => 'nothing',
        (error: unknown) => String(error),
      );
      console.log(`    noticed: ${noticed}`);
      expect(noticed).to.match(harm);
    });
  }
});
