import { expect } from 'chai';
import { serverAddress } from '../../src/primary-backup/names.js';
import { PrimaryBackupEnvelope, type ViewSeen } from '../../src/sim/primary-backup-envelope.js';

const silenceLimitMs = 500;
const optional = (name = '-') => (name === '-' ? undefined : serverAddress(name));

/** A view as text: `2 a b` has the primary a and the backup b; `!` says that it is acknowledged, `+` that its backup is ready. */
function viewFrom(text: string): ViewSeen {
  const [number, primary, backup] = text.split(' ');
  return {
    view: { viewNumber: Number(number), primary: optional(primary), backup: optional(backup) },
    isAcknowledged: text.includes('!'),
    isBackupReady: text.includes('+'),
  };
}

/** The tracker in a world whose time and view are told; processes are called by their server's name and a number. */
class Day {
  readonly envelope = new PrimaryBackupEnvelope(silenceLimitMs);
  #nowMs = 0;
  #seen = viewFrom('0 - -');

  /** The view service has come to this view. */
  view(text: string): this {
    this.#seen = viewFrom(text);
    return this.look();
  }

  /** These processes ping. */
  ping(...processes: readonly string[]): this {
    for (const process of processes) {
      this.look();
      this.envelope.pinged(serverAddress(process.charAt(0)), { process, atMs: this.#nowMs });
    }
    return this.look();
  }

  /** Time passes in which these ping every 100 ms. */
  pass(ms: number, ...processes: readonly string[]): this {
    for (const endMs = this.#nowMs + ms; this.#nowMs < endMs;) {
      this.#nowMs += 100;
      this.ping(...processes);
    }
    return this;
  }

  passUnseen(ms: number): this {
    this.#nowMs += ms;
    return this;
  }

  end(process: string): this {
    this.envelope.ended(process);
    return this.look();
  }

  look(): this {
    this.envelope.look(this.#seen, this.#nowMs);
    return this;
  }

  get isWhole(): boolean {
    return this.envelope.isWhole(this.#seen, this.#nowMs);
  }

  get left(): string | undefined {
    return this.envelope.left;
  }

  /** View 2 of a and b, both with the data, and c idle beside them. */
  static whole(): Day {
    return new Day()
      .ping('a1', 'b1', 'c1')
      .view('1 a - !')
      .view('2 a b !')
      .ping('a1', 'b1', 'c1')
      .view('2 a b !+');
  }
}

describe('the envelope of primary/backup, seen from the outside', () => {
  it('is whole once there are two holders of the data', () => {
    expect(Day.whole().isWhole).to.equal(true);
    expect(new Day().ping('a1', 'b1').view('2 a b !').isWhole).to.equal(false);
    expect(Day.whole().view('3 a c !').isWhole).to.equal(false);
  });

  it('is kept when one holder fails, the next view becomes whole, and then another fails', () => {
    const day = Day.whole().end('a1').view('3 b c').ping('b1', 'c1').view('3 b c !+');
    expect(day.isWhole).to.equal(true);
    expect(day.end('b1').left).to.equal(undefined);
  });

  it('is left when a second holder fails before that, whether it ends or is not heard', () => {
    const left = 'a1 ended, and then b1 ended in view 3';
    expect(Day.whole().end('a1').view('3 b c').end('b1').left).to.equal(left);
    expect(Day.whole().end('a1').view('3 b c !').ping('b1').end('b1').left).to.equal(left);
    expect(Day.whole().end('a1').end('b1').left).to.equal('a1 ended, and then b1 ended in view 2');
    expect(Day.whole().end('a1').view('3 b c').pass(600, 'c1').left).to.equal(
      'a1 ended, and then b1 was not heard in view 3',
    );
  });

  it('counts as a failure only silence that may be taken for death', () => {
    expect(Day.whole().pass(500, 'a1').ping('b1').end('a1').left).to.equal(undefined);
    expect(Day.whole().pass(600, 'a1').end('a1').left).to.equal(
      'b1 was not heard, and then a1 ended in view 2',
    );
    // The silence of both, when nobody was there to notice it before it was over.
    expect(Day.whole().pass(600, 'c1').ping('a1', 'b1').left).to.be.a('string');
  });

  it('counts who was taken for dead although nothing was looked at between its silence and the new view', () => {
    // The view service notices on a tick of its own, later than the last ping that arrived.
    expect(Day.whole().pass(500, 'b1', 'c1').passUnseen(10).view('3 b c').end('b1').left).to.equal(
      'a1 was not heard, and then b1 ended in view 3',
    );
  });

  it('counts no server that holds no data', () => {
    const day = Day.whole().end('c1').end('a1').view('3 b c').ping('c2').end('c2').view('4 b a');
    expect(day.ping('a2').end('a2').left).to.equal(undefined);
  });

  it('counts the process that holds the data, not the next one under its name', () => {
    const day = Day.whole().end('a1').ping('a2').view('3 b c').end('a2');
    expect(day.left).to.equal(undefined);
    expect(Day.whole().end('b1').ping('b2').isWhole).to.equal(false);
  });

  it('takes no late ping of a process that has ended for a sign of the next one', () => {
    const day = Day.whole().end('b1').ping('b2').view('3 a c').ping('a1', 'c1').view('4 a b !');
    day.ping('a1', 'b2').view('4 a b !+');
    expect(day.isWhole).to.equal(true);
    expect(day.ping('b1').isWhole).to.equal(true);
    expect(day.end('a1').left).to.equal(undefined);
  });
});
