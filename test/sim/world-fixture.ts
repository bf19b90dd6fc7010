import { seededRandom } from '../../src/runtime/random.js';
import { Network, type Weather } from '../../src/sim/network.js';
import { SimulatedProcess } from '../../src/sim/simulated-process.js';
import { TraceHash } from '../../src/sim/trace-hash.js';
import { VirtualTime } from '../../src/sim/virtual-time.js';

export const calm: Weather = {
  loss: 0,
  duplication: 0,
  delayLimitMs: 10,
  stragglers: 0,
  stragglerLimitMs: 0,
};

/** Lets happen what waits for no time at all. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Time, a network and processes, with nothing on them. */
export class BareWorld {
  readonly time = new VirtualTime();
  /** Processes in which something has happened, by name. */
  readonly ran: string[] = [];
  readonly network: Network;

  constructor({ seed = 1, weather = calm }: { seed?: number; weather?: Weather } = {}) {
    this.network = new Network({
      time: this.time,
      random: seededRandom(seed),
      trace: new TraceHash(),
      weather,
    });
  }

  process(name = 'one', clockRate = 1): SimulatedProcess {
    return new SimulatedProcess({
      time: this.time,
      name,
      clockRate,
      fired: () => undefined,
      ran: (process) => this.ran.push(process.name),
    });
  }

  /** Lets everything happen that is due within so long. */
  async pass(ms: number): Promise<void> {
    await turn();
    const endMs = this.time.nowMs + ms;
    const end = { hasCome: false };
    this.time.schedule(endMs, () => void (end.hasCome = true));
    while (!end.hasCome) await this.time.step();
  }

  /** Lets everything happen that there is. */
  async settle(): Promise<void> {
    await turn();
    for (let steps = 0; await this.time.step(); steps += 1) {
      if (steps > 10_000) throw new Error('this world comes to no end');
    }
  }
}
