import type { Incarnation, ReplicaId } from '../log/ids.js';
import type { MonitorOptions } from './voting-engine.js';

/** Under which incarnation each replica has voted or promised: there is never a second one (rule R1). */
export class Voters {
  readonly #options: MonitorOptions;
  readonly #incarnations = new Map<ReplicaId, Incarnation>();

  constructor(options: MonitorOptions) {
    this.#options = options;
  }

  /** Replica `me` has told a promise or a vote. */
  votes(me: ReplicaId, incarnation: Incarnation): void {
    const first = this.#incarnations.get(me) ?? incarnation;
    this.#incarnations.set(me, first);
    if (first === incarnation) return;
    this.#options.violated(
      'a replica that lost its directory never votes',
      `replica ${me} has voted as ${first}, and now votes as ${incarnation}`,
    );
  }
}
