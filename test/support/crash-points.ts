import { seededRandom } from '../../src/runtime/random.js';
import { SimulatedDisk, type Survival } from '../../src/sim/simulated-disk.js';

const survivals: readonly Survival[] = ['nothing', 'everything', 'random', 'random', 'random', 'random'];
const pointLimit = 1_000;

export interface CrashPoints {
  /** Puts there what is there before, all of it synced. */
  readonly prepare: (disk: SimulatedDisk) => Promise<void>;
  /** What the power is cut in the middle of. */
  readonly act: (disk: SimulatedDisk) => Promise<void>;
  /** Looks at the disk found after the power cut; `ended` says whether `act` had returned before. */
  readonly check: (disk: SimulatedDisk, ended: boolean) => Promise<void>;
}

/**
 * Cuts the power before every operation of `act` and after the last, each time with nothing, everything and several
 * random choices of what is unsynced surviving. Answers how many points there were. What `check` throws is told with the
 * point and the seed.
 */
export async function atEveryCrash({ prepare, act, check }: CrashPoints): Promise<number> {
  for (let point = 0; point < pointLimit; point += 1) {
    let endedAll = true;
    for (const [seed, survival] of survivals.entries()) {
      const disk = new SimulatedDisk(seededRandom(point * survivals.length + seed));
      await prepare(disk);
      const { after, ended } = await cutBefore(disk.image(), point, survival, act);
      endedAll &&= ended;
      try {
        await check(after, ended);
      } catch (error) {
        throw new Error(`after a power cut before operation ${point} (${survival}, choice ${seed})`, {
          cause: error,
        });
      }
    }
    if (endedAll) return point + 1;
  }
  throw new Error(`it has more than ${pointLimit} operations`);
}

async function cutBefore(
  disk: SimulatedDisk,
  point: number,
  survival: Survival,
  act: (disk: SimulatedDisk) => Promise<void>,
): Promise<{ after: SimulatedDisk; ended: boolean }> {
  let operations = 0;
  let after: SimulatedDisk | undefined;
  disk.before = () => {
    if (operations === point) after = disk.crash(survival);
    operations += 1;
  };
  try {
    await act(disk);
  } catch (error) {
    if (after === undefined) throw error;
  }
  return after === undefined ? { after: disk.crash(survival), ended: true } : { after, ended: false };
}
