import { expect } from 'chai';
import { Clerk, ClerkError, type ClerkOptions } from '../../src/index.js';
import { serveKeyValue } from '../../src/server/kv-service.js';
import { callError, granted } from '../support/fake-store.js';
import { freePorts } from '../support/free-ports.js';
import { rejection } from '../support/rejection.js';
import { serve, type Served } from '../support/served.js';
import { serveView, type ServedView } from '../support/served-view.js';

/** A server that takes calls while it is the primary, and then answers after `delayMs`. */
interface FakeServer extends Served {
  isPrimary: boolean;
  delayMs: number;
  readonly executed: string[];
}

async function fakeServer(isPrimary: boolean): Promise<FakeServer> {
  const state = { isPrimary, delayMs: 0, executed: [] as string[] };
  const served = await serve((server) =>
    serveKeyValue(
      server,
      async (request) => {
        if (!state.isPrimary) throw callError({ reason: 'NOT_PROPOSED', message: 'not the primary' });
        await new Promise((resolve) => setTimeout(resolve, state.delayMs));
        if (request.kind === 'operation') state.executed.push(request.operation.key);
        return granted(request, () => 1);
      },
      {},
    ),
  );
  return Object.assign(state, served);
}

describe('a clerk at a view service over gRPC', () => {
  let view: ServedView;
  let first: FakeServer;
  let second: FakeServer;
  let clerk: Clerk;

  const say = (viewNumber: number, primary: FakeServer, trouble = '') =>
    view.say({ view: { viewNumber, primary: primary.address, backup: '' }, acknowledged: true, trouble });

  beforeEach(async () => {
    [view, first, second] = await Promise.all([serveView(), fakeServer(true), fakeServer(false)]);
    say(1, first);
    clerk = new Clerk({ viewService: view.address });
  });
  afterEach(async () => {
    await clerk.close();
    await Promise.all([view, first, second].map((served) => served.close()));
  });

  it('goes over to the next primary with writes under way', async () => {
    await clerk.put('before', 'v');
    const writes = Array.from({ length: 100 }, async (_, index) => {
      await new Promise((resolve) => setTimeout(resolve, 2 * index));
      await clerk.put(`${index}`, 'v');
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await first.close();
    second.isPrimary = true;
    say(2, second);
    await Promise.all(writes);
    const executed = [...first.executed, ...second.executed];
    expect(new Set(executed)).to.deep.equal(new Set(['before', ...writes.map((_, index) => `${index}`)]));
    expect(second.executed).not.to.have.length(0);
    expect(view.asked).to.be.within(2, 8);
  });

  it('waits for a call that it sent to the primary of an earlier view', async () => {
    await clerk.put('before', 'v');
    first.delayMs = 400;
    const slow = clerk.get('slow');
    await new Promise((resolve) => setTimeout(resolve, 50));
    first.isPrimary = false;
    second.isPrimary = true;
    say(2, second);
    await clerk.get('quick');
    expect(first.executed).not.to.include('slow');
    await slow;
    expect(first.executed).to.deep.equal(['before', 'slow']);
    expect(second.executed).to.deep.equal(['quick']);
  });

  it('goes on while the view service is away', async () => {
    await clerk.put('before', 'v');
    await view.close();
    first.isPrimary = false;
    const writing = clerk.put('refused at first', 'v');
    await new Promise((resolve) => setTimeout(resolve, 100));
    first.isPrimary = true;
    await writing;
    first.isPrimary = false;
    const error = await rejection(clerk.put('refused', 'v', { timeoutMs: 500 }), ClerkError);
    expect(error).to.have.property('kind', 'timed-out');
    expect(error.failures.map(({ endpoint }) => endpoint)).to.have.members([first.address, view.address]);
    expect(first.executed).to.deep.equal(['before', 'refused at first']);
  });

  it('tells at the deadline what keeps the views from going on', async () => {
    const [port] = await freePorts(1);
    const gone = `127.0.0.1:${port}`;
    const trouble = `view 3 waits for its primary ${gone} to acknowledge it`;
    view.say({ view: { viewNumber: 3, primary: gone, backup: '' }, trouble });
    const error = await rejection(clerk.put('k', 'v', { timeoutMs: 300 }), ClerkError);
    expect(error).to.include({ kind: 'timed-out', outcome: 'not-executed' });
    expect(error.message).to.include(`(${view.address}: ${trouble}; ${gone}: `);
    expect(error.failures[0]).to.deep.equal({ endpoint: view.address, problem: trouble });
  });

  it('waits for the first view', async () => {
    view.say({});
    const error = await rejection(clerk.put('k', 'v', { timeoutMs: 200 }), ClerkError);
    expect(error.failures).to.deep.equal([{ endpoint: view.address, problem: 'there is no view yet' }]);
    const waiting = clerk.put('k', 'v');
    say(1, first);
    await waiting;
    expect(first.executed).to.deep.equal(['k']);
  });

  it('says so if a view names no address', async () => {
    view.say({ view: { viewNumber: 1, primary: 'nowhere', backup: '' } });
    const error = await rejection(clerk.get('k', { timeoutMs: 200 }), ClerkError);
    expect(error.message).to.include(view.address).and.to.include('"nowhere" is not an address');
  });

  it('needs either endpoints or a view service, and an address of it', () => {
    const clerkOf = (options: object) => () => new Clerk(options as ClerkOptions);
    expect(clerkOf({})).to.throw(RangeError, 'needs endpoints or a view service');
    expect(clerkOf({ endpoints: ['a:1'], viewService: 'a:2' })).to.throw(RangeError, 'not both');
    expect(clerkOf({ viewService: 'nowhere' })).to.throw(RangeError, 'nowhere');
  });
});
