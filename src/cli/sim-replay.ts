import { defaultOperations, defaultReplicas } from '../sim/defaults.js';
import type { SeedRequest } from './sim-request.js';

/** How the flag `--faults` writes no faults at all. */
export const noFaults = 'none';

/** The command line that runs a seed again; what is as by default is left out. */
export function replayLine(
  request: Pick<SeedRequest, 'engine' | 'seed' | 'replicas' | 'operations' | 'steps' | 'onlyFaults'>,
): string {
  const { engine, seed, replicas, operations, steps, onlyFaults } = request;
  return [
    `synod sim --engine ${engine} --seed ${seed}`,
    ...(replicas === defaultReplicas ? [] : [`--replicas ${replicas}`]),
    ...(operations === defaultOperations ? [] : [`--operations ${operations}`]),
    ...(steps === undefined ? [] : [`--steps ${steps}`]),
    ...(onlyFaults === undefined ? [] : [`--faults ${onlyFaults.join(',') || noFaults}`]),
  ].join(' ');
}
