import type { CutMode } from './link-faults.js';
import { OmnipaxosCluster, type OmnipaxosClusterOptions } from './omnipaxos-cluster.js';
import { scenario, type Scenario } from './report.js';

const timeoutMs = 120_000;

/** What a test does with its cluster. */
export type OmnipaxosBody = (cluster: OmnipaxosCluster, given: Scenario) => Promise<void>;

/** Declares one named test of the suite `omnipaxos` on a cluster of its own. */
export function omnipaxosScenario(
  title: string,
  options: Omit<OmnipaxosClusterOptions, 'random'>,
  body: OmnipaxosBody,
): void {
  scenario('omnipaxos', title, timeoutMs, (given) =>
    OmnipaxosCluster.with({ ...options, random: given.random }, (cluster) =>
      body(given.observe(cluster), given),
    ),
  );
}

const manners: readonly (readonly [CutMode, string])[] = [
  ['black-hole', ''],
  ['fail-at-once', ', both ends notice'],
];

/** Declares a test in which links are cut, once for silent cuts, as in the labs, and once for such as both ends notice. */
export function withEitherCut(
  title: string,
  options: Omit<OmnipaxosClusterOptions, 'random' | 'cuts'>,
  body: OmnipaxosBody,
): void {
  for (const [cuts, suffix] of manners) omnipaxosScenario(`${title}${suffix}`, { ...options, cuts }, body);
}
