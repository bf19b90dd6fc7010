import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { EventQueue, type SimulatedEvent } from '../../src/sim/event-queue.js';

const eventAt = (atMs: number, order: number): SimulatedEvent => ({
  atMs,
  order,
  run: () => undefined,
  isCancelled: false,
});

/** The same by sorting everything again and again. */
class SortedTwin {
  #events: SimulatedEvent[] = [];

  add(event: SimulatedEvent): void {
    this.#events.push(event);
    this.#events.sort((one, other) => one.atMs - other.atMs || one.order - other.order);
  }

  take(): SimulatedEvent | undefined {
    this.#events = this.#events.filter(({ isCancelled }) => !isCancelled);
    return this.#events.shift();
  }

  any(index: number): SimulatedEvent | undefined {
    return this.#events[index % this.#events.length];
  }
}

describe('the event queue', () => {
  it('is empty at first', () => {
    const queue = new EventQueue();
    expect([queue.peek(), queue.take(), queue.size]).to.deep.equal([undefined, undefined, 0]);
  });

  it('lets events of one moment happen in the order in which they were scheduled', () => {
    const queue = new EventQueue();
    for (const order of [5, 3, 4, 1, 2]) queue.add(eventAt(7, order));
    const orders = Array.from({ length: 5 }, () => queue.take()?.order);
    expect(orders).to.deep.equal([1, 2, 3, 4, 5]);
  });

  it('leaves cancelled events out, the first and the last included', () => {
    const queue = new EventQueue();
    const events = [1, 2, 3].map((order) => eventAt(order, order));
    for (const event of events) queue.add(event);
    events[0]!.isCancelled = true;
    events[2]!.isCancelled = true;
    expect(queue.peek()).to.equal(events[1]);
    expect(queue.take()).to.equal(events[1]);
    expect(queue.take()).to.equal(undefined);
    expect(queue.size).to.equal(0);
  });

  it('gives the same as sorting everything, on random calls', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = seededRandom(seed);
      const [queue, twin] = [new EventQueue(), new SortedTwin()];
      for (let call = 1; call <= 300; call += 1) {
        const draw = random.below(10);
        if (draw < 5) {
          const event = eventAt(random.below(20), call);
          queue.add(event);
          twin.add(event);
        } else if (draw < 9) {
          const expected = twin.take();
          expect(queue.take(), `call ${call} of seed ${seed}`).to.equal(expected);
        } else {
          const event = twin.any(random.below(1000));
          if (event !== undefined) event.isCancelled = true;
        }
      }
      for (let event = twin.take(); event !== undefined; event = twin.take()) {
        expect(queue.take(), `the rest of seed ${seed}`).to.equal(event);
      }
      expect(queue.take()).to.equal(undefined);
    }
  });
});
