import { expect } from 'chai';
import { ClientSession, sessionFor } from '../../src/kv/client-session.js';
import { clientId } from '../../src/kv/operation.js';
import { rejection } from '../support/rejection.js';

describe('the session of a client', () => {
  let opened: number;
  let failing: boolean;
  let session: ClientSession;

  beforeEach(() => {
    opened = 0;
    failing = false;
    session = new ClientSession(() => {
      opened += 1;
      return failing ? Promise.reject(new Error('no answer')) : Promise.resolve(clientId(opened));
    }, 4);
  });

  it('is opened once, when it is first needed, for all who wait', async () => {
    expect(opened).to.equal(0);
    const [one, other] = await Promise.all([session.current(), session.current()]);
    expect(one).to.equal(other);
    expect(await session.current()).to.equal(one);
    expect(opened).to.equal(1);
    expect(session.opened).to.equal(one);
  });

  it('is opened again after it ended, with sequences from 1, however many saw it end', async () => {
    const first = await session.current();
    first.window.take();
    session.ended(first);
    session.ended(first);
    expect(session.opened).to.equal(undefined);
    const second = await session.current();
    expect(second.clientId).to.equal(2);
    expect(second.window.take()).to.equal(1);
    session.ended(first);
    expect(await session.current(), 'late news of the first').to.equal(second);
  });

  it('is asked for again after asking failed', async () => {
    failing = true;
    await rejection(session.current(), Error);
    failing = false;
    expect((await session.current()).clientId).to.equal(2);
  });

  it('tells in each request what is acknowledged by then', async () => {
    const current = await session.current();
    const [first, second] = [current.window.take()!, current.window.take()!];
    expect(sessionFor(current, second)).to.deep.equal({ clientId: 1, sequence: 2, acknowledgedThrough: 0 });
    current.window.settle(first);
    expect(sessionFor(current, second)).to.deep.equal({ clientId: 1, sequence: 2, acknowledgedThrough: 1 });
  });
});
