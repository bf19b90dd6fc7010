/** Tries every variant: `make planted`, or `node build/test/planted/run.js --help`. */
import { parseArgs } from 'node:util';
import { tryOut, type Trial } from './trial.js';
import type { Variant } from './variant.js';
import { variants } from './variants.js';

const help = `Simulates Synod with one mistake planted in it after the other, and says which check sees each.

  --only NAME      only this one; can be given again and again
  --limit N        tries so many seeds of each at the most (default 300)
  --jobs N         so many at a time (default 2)
  --json           an object a line
  --list           names them, and ends
  --help           this text

The exit code is 1 if one is not caught.
`;

/** The code as it is: nothing may be caught in it. */
const unchanged = 'none';

/** So many seeds of the unchanged code show that it is not the simulator that fails. */
const controlSeeds = 20;

const atLeastOne = (option: string, text: string): number => {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`--${option} is "${text}"; write a number from 1`);
};

function chosen(names: readonly string[]): readonly Variant[] {
  if (names.length === 0) return [...controls(), ...variants];
  const known = new Map([...controls(), ...variants].map((variant) => [variant.name, variant]));
  return names.map((name) => {
    const variant = known.get(name);
    if (variant === undefined) throw new RangeError(`there is no variant "${name}"; --list names all`);
    return variant;
  });
}

/** Variants without a mistake, one for each engine that others are tried under. */
function controls(): Variant[] {
  const engines = [...new Set(variants.map(({ engine }) => engine))];
  return engines.map((engine) => ({
    name: `${unchanged}-${engine}`,
    rule: 'no rule: this is Synod as it is',
    engine,
    edits: [],
  }));
}

function lineOf({ name, engine }: Variant, trial: Trial): string {
  const { caught, check, seeds, seconds, unreached } = trial;
  const time = `(${seconds.toFixed(1)} s)`;
  if (caught)
    return `caught      ${name}  by ${check}  after ${seeds} ${seeds === 1 ? 'seed' : 'seeds'} ${time}`;
  const where = unreached.length === 0 ? '' : `; never run: ${unreached.join('; ')}`;
  return `NOT CAUGHT  ${name}  in ${seeds} seeds of ${engine} ${time}${where}`;
}

interface Settings {
  readonly limit: number;
  readonly jobs: number;
  readonly json: boolean;
}

/** @throws Error if the code as it is fails this seed too, which then says nothing of the variant */
async function checkUnchanged(variant: Variant, seed: number): Promise<void> {
  const trial = await tryOut({ variant: { ...variant, edits: [] }, firstSeed: seed, seedLimit: 1 });
  if (trial.caught)
    throw new Error(
      `${variant.name}: without it seed ${seed} fails as well, by ${trial.check}: ${trial.message}`,
    );
}

/** Tries one variant and prints what came of it; answers whether that is as it should be. */
async function tryOne(variant: Variant, { limit, json }: Settings): Promise<boolean> {
  const { name, rule, engine } = variant;
  const isControl = variant.edits.length === 0;
  const seedLimit = isControl ? Math.min(limit, controlSeeds) : limit;
  try {
    const trial = await tryOut({ variant, firstSeed: 1, seedLimit });
    if (trial.caught && !isControl) await checkUnchanged(variant, trial.seeds);
    if (json) console.log(JSON.stringify({ name, rule, engine, ...trial }));
    else if (isControl && !trial.caught) console.log(`passed      ${name}  ${trial.seeds} seeds`);
    else console.log(lineOf(variant, trial));
    return trial.caught !== isControl;
  } catch (error) {
    console.error(`NOT TRIED   ${String(error)}`);
    return false;
  }
}

/** Answers whether every variant is caught, and no control. */
async function tryAll(chosen: readonly Variant[], settings: Settings): Promise<boolean> {
  const waiting = [...chosen];
  let asExpected = 0;
  const work = async () => {
    for (let variant = waiting.shift(); variant !== undefined; variant = waiting.shift()) {
      if (await tryOne(variant, settings)) asExpected += 1;
    }
  };
  await Promise.all(Array.from({ length: settings.jobs }, work));
  const controlCount = chosen.filter(({ edits }) => edits.length === 0).length;
  if (!settings.json) {
    console.log(
      `\n${asExpected} of ${chosen.length} as it should be: every planted mistake is to be caught within ${settings.limit} seeds, ` +
        `and nothing in the code as it is (${controlCount} of them)`,
    );
  }
  return asExpected === chosen.length;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true, default: [] },
    limit: { type: 'string', default: '300' },
    jobs: { type: 'string', default: '2' },
    json: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(help);
} else if (values.list) {
  for (const { name, engine, rule } of variants) console.log(`${name}  (${engine})  ${rule}`);
} else {
  const limit = atLeastOne('limit', values.limit);
  const jobs = atLeastOne('jobs', values.jobs);
  const isGood = await tryAll(chosen(values.only), { limit, jobs, json: values.json });
  process.exitCode = isGood ? 0 : 1;
}
