import { expect } from 'chai';
import { ClerkError } from '../../src/clerk/clerk-error.js';
import { serverAddress, viewServiceIncarnation } from '../../src/primary-backup/names.js';
import { PullRefused } from '../../src/primary-backup/replica.js';
import { PrimaryBackupWorld, pingIntervalMs } from '../support/primary-backup-world.js';
import { rejection } from '../support/rejection.js';

const [s1, s2, s3] = ['s1', 's2', 's3'].map(serverAddress) as [
  ReturnType<typeof serverAddress>,
  ReturnType<typeof serverAddress>,
  ReturnType<typeof serverAddress>,
];

describe('a server of primary/backup', () => {
  let world: PrimaryBackupWorld;

  const worldOf = async (serverCount: number) => {
    world = new PrimaryBackupWorld({ seed: 7, serverCount, loss: 0, duplication: 0, delayLimitMs: 0 });
    await world.until(() => serverCount === 1 || world.views.news.isBackupReady, 1000);
    await world.pass(2 * pingIntervalMs);
  };
  /** Lets time pass until a call has ended. */
  const finish = async <Value>(call: Promise<Value>, limitMs = 10_000): Promise<Value> => {
    let isOver = false;
    const over = () => (isOver = true);
    call.then(over, over);
    await world.until(() => isOver, limitMs);
    return call;
  };
  const standing = (sender = s2, viewNumber = 2) => ({
    viewService: viewServiceIncarnation(world.views.news.viewService),
    viewNumber,
    sender,
  });

  afterEach(() => world.close());

  it('tells where it stands', async () => {
    await worldOf(3);
    await finish(world.clerk('c').put('k', 'v'));
    const [first, second, third] = [s1, s2, s3].map((address) => world.server(address).status());
    expect(first!.view).to.deep.equal({
      viewService: 'views',
      viewNumber: 2,
      primary: s1,
      backup: s2,
      isAcknowledged: true,
      role: 'primary',
    });
    expect([second!.view?.role, third!.view?.role]).to.deep.equal(['backup', 'idle']);
    expect([first!.keyCount, second!.keyCount, third!.keyCount]).to.deep.equal([1, 1, 0]);
    expect([first, second, third].map((status) => status!.serving)).to.deep.equal([true, true, true]);
    expect(second!.digest).to.equal(first!.digest);
  });

  it('hands its state to its own backup in its own view, and to nobody else', async () => {
    await worldOf(3);
    const { replica } = world.server(s1);
    const pull = async (of: ReturnType<typeof standing>) => {
      const pieces = [];
      for await (const piece of replica.handlePull(of, new AbortController().signal)) pieces.push(piece);
      return pieces;
    };
    for (const other of [standing(s3), standing(s2, 1), standing(s2, 3)]) {
      expect((await rejection(pull(other), PullRefused)).message).to.include(`in view ${other.viewNumber}`);
    }
    const stranger = { ...standing(), viewService: viewServiceIncarnation('another') };
    await rejection(pull(stranger), PullRefused);
    await rejection(
      (async () => {
        for await (const _ of world
          .server(s2)
          .replica.handlePull(standing(s1), new AbortController().signal));
      })(),
      PullRefused,
    );
  });

  it('pulls anew as the backup when the primary has begun another transfer, and is answered for only then', async () => {
    await worldOf(2);
    const clerk = world.clerk('c');
    await finish(clerk.put('k', 'v'));
    const pulls = world.counts.pulls;
    // What a process before it had asked for comes late.
    const late = world.server(s1).replica.handlePull(standing(), new AbortController().signal);
    const iterator = late[Symbol.asyncIterator]();
    const first = await iterator.next();
    expect(first.value).to.deep.include({ transfer: pulls + 1 });
    await finish(clerk.put('k', 'w'));
    expect(world.counts.pulls).to.equal(pulls + 1);
    expect(world.server(s2).replica.membership.part).to.deep.include({ transfer: pulls + 2 });
    expect(world.server(s2).replica.state.digest()).to.deep.equal(world.server(s1).replica.state.digest());
  });

  it('takes back as the backup what it did for a primary that was never acknowledged', async () => {
    await worldOf(3);
    const clerk = world.clerk('c');
    await finish(clerk.put('k', 'v'));
    // The backup follows, and its acknowledgement is lost; then the backup is taken for dead, and comes back as one.
    world.cut(s2, s1);
    const write = finish(clerk.put('k', 'w', { timeoutMs: 20_000 }), 20_000);
    await world.until(() => world.server(s2).replica.state.applied === 2, 2000);
    world.crash(s3);
    world.cut(s2, 'views');
    await world.until(() => world.views.news.view.backup === undefined, 5000);
    await write;
    world.heal();
    await world.until(() => world.views.news.isBackupReady, 5000);
    await finish(clerk.append('k', 'x'));
    expect(await finish(clerk.get('k'))).to.equal('wx');
    expect(world.server(s2).status().digest).to.equal(world.server(s1).status().digest);
    expect(world.failures).to.deep.equal([]);
  });

  it('pings at once when it learns of a view that it has a part in, and of one that it does not know', async () => {
    await worldOf(2);
    world.crash(s1);
    await world.until(() => world.server(s2).replica.membership.view.primary === s2, 1000);
    const seenAtMs = world.clock.now();
    await world.until(() => world.views.news.isAcknowledged, 2 * pingIntervalMs);
    expect(world.clock.now() - seenAtMs).to.be.below(5);
    await world.pass(1);
    const { pings } = world.counts;
    const unknown = { standing: standing(s1, 9), slot: 0, commands: [], transfer: 1 };
    await world.pass(0.6 * pingIntervalMs);
    expect(world.server(s2).replica.handleForward(unknown).kind).to.equal('not-ready');
    expect(world.server(s2).replica.handleForward(unknown).kind).to.equal('not-ready');
    await world.pass(1);
    expect(world.counts.pings - pings, 'once, however many ask').to.equal(1);
  });

  it('refuses to go on when the view service has restarted, and says so', async () => {
    await worldOf(3);
    const clerk = world.clerk('c');
    await finish(clerk.put('k', 'v'));
    world.restartViews();
    await world.pass(1000);
    expect(world.views.news.view.viewNumber, 'nobody takes part in its views').to.equal(0);
    for (const address of world.addresses) {
      const { trouble, serving, view } = world.server(address).status();
      expect([view?.role, serving]).to.deep.equal(['disowned', false]);
      expect(trouble).to.include('start them anew');
    }
    const error = await finish(rejection(clerk.get('k', { timeoutMs: 1000 }), ClerkError));
    expect(error.message).to.include('start them anew');
    for (const address of world.addresses) world.crash(address);
    for (const address of world.addresses) world.start(address);
    await world.until(() => world.views.news.isBackupReady, 2000);
    expect(await finish(world.clerk('d').get('k')), 'all that was is gone').to.equal('');
  });

  it('says that the view service does not answer, and goes on in the view it knows', async () => {
    await worldOf(2);
    for (const address of world.addresses) world.cut(address, 'views');
    await world.pass(1000);
    await finish(world.clerk('c').put('k', 'v'));
    expect(world.server(s1).status().trouble).to.include('the view service does not answer');
    world.heal();
    await world.pass(1000);
    expect(world.server(s1).status().trouble).to.equal('');
  });
});
