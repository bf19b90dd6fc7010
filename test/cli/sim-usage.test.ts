import { expect } from 'chai';
import { ran } from './fake-terminal.js';

/** A wrong command line of `synod sim`, and what its one line must have. */
const wrong: readonly (readonly [string, readonly string[], RegExp])[] = [
  ['an unknown engine', ['--engine', 'raft'], /'raft' is invalid.* paxos, omnipaxos, primary-backup, all/],
  ['no seeds', ['--seeds', '0'], /'0' is invalid.*whole number from 1 to 10000000/],
  ['seeds that are no number', ['--seeds', 'many'], /'many' is invalid.*whole number/],
  ['a first seed below 0', ['--from', '-1'], /'-1' is invalid.*whole number from 0 to 4294967295/],
  ['a seed past the last', ['--seed', '4294967296'], /'4294967296' is invalid.*0 to 4294967295/],
  [
    'seeds past the last',
    ['--from', '4294967290', '--seeds', '10'],
    /--from 4294967290 --seeds 10 goes past the last seed, 4294967295: take --from 4294967286 or less/,
  ],
  ['one replica', ['--replicas', '1'], /'1' is invalid.*odd number from 3 to 9/],
  ['two replicas', ['--replicas', '2'], /'2' is invalid.*odd number from 3 to 9/],
  ['an even number of replicas', ['--replicas', '4'], /'4' is invalid.*odd number from 3 to 9/],
  ['too many replicas', ['--replicas', '11'], /'11' is invalid.*odd number from 3 to 9/],
  ['no operations', ['--operations', '0'], /'0' is invalid.*1 to 100000/],
  ['no steps', ['--steps', '0'], /'0' is invalid.*1 to 3000000/],
  ['no jobs', ['--jobs', '0'], /'0' is invalid.*1 to 256/],
  ['faults that are no numbers', ['--seed', '1', '--faults', '1,x'], /'1,x' is invalid.*commas.*"none"/],
  ['an empty list of faults', ['--seed', '1', '--faults', ''], /'' is invalid.*"none"/],
  [
    'a fault that the seed does not have',
    ['--seed', '1', '--faults', '3,99'],
    /--faults 99: seed 1 has 1\d faults, from 0 to 1\d$/m,
  ],
  ['faults of many seeds', ['--faults', '1'], /--faults is about one seed: add --seed SEED/],
  ['the trace of many seeds', ['--seeds', '2', '--trace'], /--trace is about one seed: add --seed SEED/],
  ['one picture of many seeds', ['--picture', 'x.html'], /--picture is about one seed: add --seed SEED/],
  ['one seed and many', ['--seed', '1', '--seeds', '2'], /'--seed <seed>' cannot be used with .*'--seeds/],
  ['one seed from another', ['--seed', '1', '--from', '2'], /cannot be used with option '--from/],
  [
    'one seed of all engines',
    ['--seed', '1', '--engine', 'all'],
    /--seed 1 is of one engine: take --engine paxos/,
  ],
  ['one seed by many jobs', ['--seed', '1', '--jobs', '2'], /cannot be used with option '--jobs/],
  ['a record of one seed', ['--seed', '1', '--record', 'x'], /cannot be used with option '--record/],
  ['a trace as JSON', ['--seed', '1', '--trace', '--json'], /cannot be used with option '--/],
  ['a record of worlds that are cut short', ['--steps', '9', '--record', 'x'], /cannot be used with option/],
  ['totals and seeds', ['--totals', 'x', '--seeds', '2'], /'--totals <file>' cannot be used with .*'--seeds/],
  ['totals of nothing', ['--totals', '/nowhere/at/all'], /\/nowhere\/at\/all has no parts/],
  [
    'a picture nowhere',
    ['--seed', '1', '--picture', '/nowhere/x.html'],
    /--picture \/nowhere\/x.html cannot be written/,
  ],
  [
    'a record that is a directory',
    ['--record', '/tmp'],
    /--record \/tmp cannot be written \(it is a directory\)/,
  ],
];

describe('Wrong usage of synod sim', () => {
  for (const [name, flags, pattern] of wrong) {
    it(`gets one clear line and exit code 64: ${name}`, async () => {
      const { exitCode, stdout, stderr } = await ran(['sim', ...flags]);
      expect([exitCode, stdout], stderr).to.deep.equal([64, flags.includes('--json') ? stdout : '']);
      const line = flags.includes('--json') ? stdout : stderr;
      expect(line).to.match(pattern);
      expect(line.trimEnd()).not.to.contain('\n');
    });
  }
});
