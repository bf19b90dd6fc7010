import type { SeedReply, SeedRequest, SeedRunner } from './sim-request.js';

/** Some runners that take seeds one by one until there are no more. */
export class SeedPool {
  readonly #runners: readonly SeedRunner[];

  constructor(runners: readonly SeedRunner[]) {
    this.#runners = runners;
  }

  /**
   * Resolves when every seed has been simulated, or once the pool is closed: whether all were.
   * @param done told of each seed, in the order in which they end
   */
  async runAll(
    requests: Iterable<SeedRequest>,
    done: (request: SeedRequest, reply: SeedReply) => void,
  ): Promise<boolean> {
    const queue = requests[Symbol.iterator]();
    const lane = async (runner: SeedRunner): Promise<boolean> => {
      for (let next = queue.next(); next.done !== true; next = queue.next()) {
        const reply = await runner.run(next.value);
        if (reply === undefined) return false;
        done(next.value, reply);
      }
      return true;
    };
    const ended = await Promise.all(this.#runners.map(lane));
    return ended.every((isWhole) => isWhole);
  }

  /** One of them, while no seeds are being run. */
  get idle(): SeedRunner {
    const [first] = this.#runners;
    if (first === undefined) throw new RangeError('a pool of seeds needs at least one runner');
    return first;
  }

  close(): void {
    for (const runner of this.#runners) runner.close();
  }
}
