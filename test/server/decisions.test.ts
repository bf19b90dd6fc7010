import { expect } from 'chai';
import { Decisions, type Decision } from '../../src/server/decisions.js';
import { rejection } from '../support/rejection.js';

/** A log of which more and more is decided, and less and less held. */
class GrowingLog {
  floor = 0;
  readonly #values: Uint8Array[] = [];

  push(...texts: readonly string[]): void {
    this.#values.push(...texts.map((text) => Buffer.from(text)));
  }

  decided(slot: number): Uint8Array | undefined {
    return slot < this.floor ? undefined : this.#values[slot];
  }
}

const show = ({ slot, value }: Decision): string => `${slot}: ${Buffer.from(value).toString()}`;

async function readAll(decisions: AsyncIterable<Decision>, into: string[]): Promise<void> {
  for await (const decision of decisions) into.push(show(decision));
}

/** Lets all that is ready to run do so. */
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the apply stream of a library', () => {
  let log: GrowingLog;
  let decisions: Decisions;

  beforeEach(() => {
    log = new GrowingLog();
    decisions = new Decisions(log);
  });

  it('tells what was decided before and what comes after, in order and once, to every reader', async () => {
    log.push('a', 'b');
    const [first, second]: [string[], string[]] = [[], []];
    const readers = [readAll(decisions.read(), first), readAll(decisions.read({ from: 1 }), second)];
    await turn();
    expect(first).to.deep.equal(['0: a', '1: b']);
    log.push('c');
    decisions.wake();
    decisions.wake();
    await turn();
    log.push('d', 'e');
    decisions.wake();
    await turn();
    decisions.close();
    await Promise.all(readers);
    expect(first).to.deep.equal(['0: a', '1: b', '2: c', '3: d', '4: e']);
    expect(second).to.deep.equal(first.slice(1));
  });

  it('misses nothing that is decided while its reader is busy', async () => {
    log.push('a');
    const reader = decisions.read();
    expect((await reader.next()).value).to.include({ slot: 0 });
    log.push('b');
    decisions.wake();
    expect((await reader.next()).value).to.include({ slot: 1 });
  });

  it('ends when it is closed, for those who read and for those to come', async () => {
    const heard: string[] = [];
    const reading = readAll(decisions.read(), heard);
    await turn();
    decisions.close();
    await reading;
    log.push('too late');
    await readAll(decisions.read(), heard);
    expect(heard).to.deep.equal([]);
  });

  it('ends when its signal aborts, and leaves the other readers alone', async () => {
    const controller = new AbortController();
    const [ended, going]: [string[], string[]] = [[], []];
    const reading = readAll(decisions.read({ signal: controller.signal }), ended);
    const other = readAll(decisions.read(), going);
    await turn();
    controller.abort();
    await reading;
    log.push('a');
    decisions.wake();
    await turn();
    expect([ended, going]).to.deep.equal([[], ['0: a']]);
    decisions.close();
    await other;
  });

  it('throws what the peer has closed itself for, also to those who come later', async () => {
    const failure = new Error('the disk is gone');
    const reading = readAll(decisions.read(), []);
    await turn();
    decisions.close({ error: failure });
    decisions.close();
    expect(await rejection(reading, Error)).to.equal(failure);
    expect(await rejection(readAll(decisions.read(), []), Error)).to.equal(failure);
  });

  it('does not pass over slots that have been given up', async () => {
    log.push('a', 'b', 'c');
    log.floor = 2;
    const error = await rejection(readAll(decisions.read({ from: 1 }), []), RangeError);
    expect(error.message).to.equal(
      'slot 1 is no longer held; the lowest is 2: read from there, with the state through 1',
    );
    expect((await decisions.read({ from: 2 }).next()).value).to.include({ slot: 2 });
  });
});
