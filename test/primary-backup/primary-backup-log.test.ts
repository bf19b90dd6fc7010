import { expect } from 'chai';
import type { Slot } from '../../src/log/ids.js';
import { LogError } from '../../src/log/errors.js';
import { Membership } from '../../src/primary-backup/membership.js';
import type { Forward, ForwardAnswer } from '../../src/primary-backup/messages.js';
import { serverAddress, serverIncarnation, viewServiceIncarnation } from '../../src/primary-backup/names.js';
import { PrimaryBackupLog } from '../../src/primary-backup/primary-backup-log.js';
import { FakeClock, turns } from '../support/fake-clock.js';
import { rejection } from '../support/rejection.js';

/** One forward that waits for its answer. */
interface Sent extends Forward {
  readonly to: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
  readonly answer: (answer: ForwardAnswer | Error) => Promise<void>;
}

/** A primary whose backup is the test. */
class Primary {
  readonly clock = new FakeClock();
  readonly membership = new Membership(serverAddress('s'), serverIncarnation('process'));
  readonly sent: Sent[] = [];
  readonly applied: string[] = [];
  readonly failures: unknown[] = [];
  doubts = 0;
  transfer = 1;
  failApply = false;
  readonly log: PrimaryBackupLog<string>;

  constructor() {
    this.log = new PrimaryBackupLog<string>({
      membership: this.membership,
      state: () => this.#state,
      clock: this.clock,
      transfer: () => this.transfer,
      forward: (to, forward, { timeoutMs, signal }) =>
        new Promise((resolve, reject) => {
          const cancel = () => reject(new Error('cancelled'));
          signal?.addEventListener('abort', cancel);
          const answer = (answered: ForwardAnswer | Error) => {
            signal?.removeEventListener('abort', cancel);
            if (answered instanceof Error) reject(answered);
            else resolve(answered);
            return turns();
          };
          this.sent.push({ ...forward, to, timeoutMs, signal, answer });
        }),
      roundTimeoutMs: 1000,
      doubtful: () => (this.doubts += 1),
      fatal: (error) => this.failures.push(error),
      trace: () => undefined,
    });
    this.view(1, 's', undefined);
  }

  /** Learns of a view, acknowledged. */
  view(viewNumber: number, primary: string, backup: string | undefined, isAcknowledged = true): void {
    for (const acknowledged of isAcknowledged ? [false, true] : [false]) {
      this.membership.learn({
        view: {
          viewNumber,
          primary: serverAddress(primary),
          backup: backup === undefined ? undefined : serverAddress(backup),
        },
        isAcknowledged: acknowledged,
        isBackupReady: false,
        viewService: viewServiceIncarnation('v'),
        trouble: '',
      });
      this.log.viewChanged();
    }
  }

  propose(text: string): Promise<string> {
    return this.log.propose(Buffer.from(text), new AbortController().signal);
  }

  read(): Promise<string> {
    return this.log.readBarrier(new AbortController().signal).then(() => this.applied.join(''));
  }

  get last(): Sent {
    return this.sent.at(-1)!;
  }

  /** Lets the wait before the next forward pass. */
  async retry(): Promise<void> {
    await turns();
    this.clock.advance(10);
    await turns();
  }

  readonly #state = {
    get applied(): Slot | undefined {
      return slotOf(this.texts);
    },
    texts: this.applied,
    apply: (_slot: Slot, commands: readonly Uint8Array[]) => {
      if (this.failApply) throw new Error('the state is broken');
      const texts = commands.map((command) => Buffer.from(command).toString());
      this.applied.push(texts.join('+'));
      return texts.map((text) => `did ${text}`);
    },
    recorded: () => undefined,
  };
}

const slotOf = (texts: readonly string[]): Slot | undefined =>
  texts.length === 0 ? undefined : texts.length - 1;
const textOf = ({ commands }: Forward): string =>
  commands.map((command) => Buffer.from(command).toString()).join('+');
const acknowledged: ForwardAnswer = { kind: 'acknowledged' };

describe('the log of a primary', () => {
  let primary: Primary;

  beforeEach(() => (primary = new Primary()));

  it('goes on alone only in a view without backup', async () => {
    expect(await primary.propose('x')).to.equal('did x');
    primary.view(2, 's', 'b');
    const answer = primary.propose('y');
    await turns();
    expect(primary.applied).to.deep.equal(['x']);
    expect([primary.last.to, primary.last.slot, textOf(primary.last)]).to.deep.equal(['b', 1, 'y']);
    for (let failure = 0; failure < 20; failure += 1) {
      await primary.last.answer(new Error('nobody answers'));
      await primary.retry();
    }
    expect(primary.sent).to.have.length(21);
    expect(primary.applied, 'a backup that does not answer licenses nothing').to.deep.equal(['x']);
    primary.view(3, 's', undefined);
    expect(await answer).to.equal('did y');
  });

  it('forwards one batch at a time, the same one until it is settled, and waits longer for it each time', async () => {
    primary.view(2, 's', 'b');
    const answers = [primary.propose('x'), primary.propose('y')];
    await turns();
    const later = primary.propose('z');
    await primary.last.answer(new Error('lost'));
    await primary.retry();
    await primary.last.answer({ kind: 'not-ready' });
    await primary.retry();
    expect(primary.sent.map(textOf)).to.deep.equal(['x+y', 'x+y', 'x+y']);
    expect(primary.sent.map(({ timeoutMs }) => timeoutMs)).to.deep.equal([200, 400, 800]);
    await primary.last.answer(acknowledged);
    expect(await Promise.all(answers)).to.deep.equal(['did x', 'did y']);
    expect([primary.last.slot, textOf(primary.last), primary.last.timeoutMs]).to.deep.equal([1, 'z', 200]);
    await primary.last.answer(acknowledged);
    expect(await later).to.equal('did z');
    expect(primary.applied).to.deep.equal(['x+y', 'z']);
  });

  it('forwards reads as well, without a slot, and those that come later in the next one', async () => {
    primary.view(2, 's', 'b');
    const first = primary.read();
    await turns();
    expect([primary.last.slot, primary.last.commands.length]).to.deep.equal([0, 0]);
    const write = primary.propose('x');
    const second = primary.read();
    await primary.last.answer(acknowledged);
    expect(await first).to.equal('');
    expect([primary.last.slot, textOf(primary.last)]).to.deep.equal([0, 'x']);
    await primary.last.answer(acknowledged);
    expect([await write, await second]).to.deep.equal(['did x', 'x']);
  });

  it('counts no acknowledgement of a backup that another transfer has replaced', async () => {
    primary.view(2, 's', 'b');
    const answer = primary.propose('x');
    await turns();
    primary.transfer = 2;
    await primary.last.answer(acknowledged);
    expect(primary.applied).to.deep.equal([]);
    await primary.retry();
    expect(primary.last.transfer).to.equal(2);
    await primary.last.answer(acknowledged);
    expect(await answer).to.equal('did x');
  });

  it('forwards anew what is under way when the backup changes, and counts no acknowledgement of the one before', async () => {
    primary.view(2, 's', 'b');
    const answer = primary.propose('x');
    await turns();
    const before = primary.last;
    primary.view(3, 's', 'c');
    await before.answer(acknowledged);
    expect(before.signal?.aborted).to.equal(true);
    expect(primary.applied).to.deep.equal([]);
    expect([primary.last.to, primary.last.standing.viewNumber, textOf(primary.last)]).to.deep.equal([
      'c',
      3,
      'x',
    ]);
    await primary.last.answer(acknowledged);
    expect(await answer).to.equal('did x');
  });

  it('counts an acknowledgement that comes in the turn in which the view changes for nothing', async () => {
    primary.view(2, 's', 'b');
    const answer = primary.propose('x');
    await turns();
    const arrived = primary.last.answer(acknowledged);
    primary.view(3, 's', 'c');
    await arrived;
    expect(primary.applied).to.deep.equal([]);
    await primary.last.answer(acknowledged);
    expect(await answer).to.equal('did x');
  });

  it('takes calls, and answers none before the view service has its acknowledgement', async () => {
    primary.view(2, 's', undefined, false);
    const answer = primary.propose('x');
    const read = primary.read();
    await turns();
    expect(primary.applied).to.deep.equal([]);
    primary.view(2, 's', undefined);
    expect([await answer, await read]).to.deep.equal(['did x', 'x']);
  });

  it('tells of its doubts when the backup knows a later view', async () => {
    primary.view(2, 's', 'b');
    primary.propose('x').catch(() => undefined);
    await turns();
    await primary.last.answer({ kind: 'stale', viewNumber: 3 });
    expect(primary.doubts).to.equal(1);
    expect(primary.applied).to.deep.equal([]);
  });

  it('turns everybody away once it is not the primary, and says who is and what is unknown', async () => {
    primary.view(2, 's', 'b');
    const underWay = primary.propose('x');
    await turns();
    const queued = primary.propose('y');
    const read = primary.read();
    const failures = Promise.all([
      rejection(underWay, LogError),
      rejection(queued, LogError),
      rejection(read, LogError),
    ]);
    primary.view(3, 'b', 's');
    const [first, second, third] = await failures;
    expect(first.failure).to.deep.equal({ kind: 'outcome-unknown', stage: 'leadership-lost' });
    const away = { kind: 'not-leader', hint: 'b', detail: 'this server is the backup in view 3' };
    expect([second.failure, third.failure]).to.deep.equal([away, away]);
    expect((await rejection(primary.propose('z'), LogError)).failure).to.deep.equal(away);
    expect((await rejection(primary.read(), LogError)).message).to.equal(
      'this server is the backup in view 3; try b',
    );
    expect(primary.applied).to.deep.equal([]);
  });

  it('ends every call when it closes, and stops for good when an apply fails', async () => {
    primary.view(2, 's', 'b');
    const failures = Promise.all([
      rejection(primary.propose('x'), LogError),
      turns().then(() => rejection(primary.propose('y'), LogError)),
    ]);
    await turns();
    primary.failApply = true;
    await primary.last.answer(acknowledged);
    const [first, second] = await failures;
    expect(first.failure).to.deep.equal({ kind: 'outcome-unknown', stage: 'closed-while-proposed' });
    expect(second.failure.kind).to.equal('closed');
    expect(primary.failures).to.have.length(1);
    expect((await rejection(primary.propose('z'), LogError)).failure.kind).to.equal('closed');
  });
});
