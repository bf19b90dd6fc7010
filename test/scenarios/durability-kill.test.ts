import { setTimeout as sleep } from 'node:timers/promises';
import { allAtOnce, blowsFall, type Blow } from './durability/blows.js';
import { inFull, roundCount } from './durability/rounds.js';
import { shuffled } from './random-choices.js';
import { scenario } from './report.js';

const suite = 'durability';
const timeoutMs = 60_000 + roundCount * 60_000;

const one: Blow = async (cluster, random) => {
  const id = cluster.ids[random.below(cluster.ids.length)]!;
  await cluster.kill(id);
  await sleep(random.below(inFull ? 1000 : 300));
  cluster.start(id);
};

const stopped: Blow = async (cluster, random) => {
  const count = 1 + random.below(cluster.ids.length);
  const ids = shuffled(cluster.ids, random).slice(0, count);
  for (const id of ids) cluster.replica(id).signal('SIGSTOP');
  await sleep(random.below(inFull ? 2500 : 1000));
  for (const id of ids) cluster.replica(id).signal('SIGCONT');
};

describe('durability', () => {
  for (const [title, blow] of [
    ['All replicas killed at once', allAtOnce],
    ['One replica killed at a time', one],
    ['Replicas stopped and continued', stopped],
  ] as const) {
    scenario(suite, title, timeoutMs, ({ random, observe }) =>
      blowsFall({ settings: {}, blow, rounds: roundCount, random, observe }),
    );
  }
});
