import { expect } from 'chai';
import type { Random } from '../../src/runtime/random.js';
import { Campaign } from './durability/corruption/campaign.js';
import { everyDamage, sampleOfDamage } from './durability/corruption/damages.js';
import { segmentsOf } from './durability/corruption/segments.js';
import { makeSoundDirectory, type SoundDirectory } from './durability/corruption/sound-directory.js';
import { inFull } from './durability/rounds.js';
import { scenario } from './report.js';

const suite = 'durability';
const timeoutMs = inFull ? 1_740_000 : 240_000;
/** In the small form: flips of each file, and as many cuts; and how many directories are run among live peers. */
const sampleOfEach = 40;
const sampleRuns = 24;
const progressMs = 60_000;

/** What a directory needs for every kind of damage to mean something. */
function checkSound({ image, recovered: { log, point } }: SoundDirectory): void {
  const segments = segmentsOf(image);
  const frames = segments.flatMap((segment) => segment.frames);
  const open = [...point.recovered.instances.values()].filter(({ phase }) => phase === 'open');
  console.log(
    `    ${image.size} files: ${log.records.length} records in ${frames.length} frames of ${segments.length} segments, ` +
      `start ${log.bootCounter}, a snapshot through slot ${point.loadedThrough}, floor ${point.recovered.floor}, ` +
      `${open.length} slots open`,
  );
  expect(log.records.length, 'records').to.be.at.least(200);
  expect(segments.length, 'segments').to.be.at.least(3);
  expect(new Set(segments.map(({ header }) => header.bootCounter)).size, 'starts').to.be.at.least(3);
  expect([...image.keys()].filter((name) => name.startsWith('snapshot-')).length, 'snapshots').to.equal(1);
  expect(point.recovered.floor, 'records above the snapshot').to.be.above(point.loadedThrough ?? 0);
  expect(open.length, 'slots with promises and votes').to.be.at.least(10);
}

const damages = ({ image }: SoundDirectory, random: Random) =>
  inFull ? everyDamage(image, random) : sampleOfDamage(image, random, sampleOfEach);

describe('durability', () => {
  scenario(suite, 'Corruption', timeoutMs, async ({ random, observe }) => {
    const sound = await makeSoundDirectory(random.below(2 ** 31));
    checkSound(sound);
    const campaign = new Campaign(sound, inFull ? Infinity : sampleRuns);
    observe({
      peerCount: 3,
      get rpcCount() {
        return campaign.messages;
      },
      get operationCount() {
        return campaign.cases;
      },
    });
    let toldMs = performance.now();
    for (const damage of damages(sound, random)) {
      await campaign.judge(damage);
      if (performance.now() > toldMs + progressMs) {
        toldMs = performance.now();
        console.log(`    ${campaign.cases} cases so far, ${campaign.runs} run, the last: ${damage.title}`);
      }
    }
    console.log(campaign.table());
    for (const verdict of ['repaired', 'refused', 'nothing depends on it'] as const) {
      expect(campaign.count(verdict), verdict).to.be.above(0);
    }
  });
});
