import { expect } from 'chai';
import { replicaId, type ReplicaId } from '../../src/log/ids.js';
import { PeerRefusal, type Roster } from '../../src/log/roster.js';
import type { Message } from '../../src/omnipaxos/messages.js';
import type { Exchange } from '../../src/omnipaxos/service.js';
import { Sessions } from '../../src/omnipaxos/sessions.js';
import type { Duplex, DuplexEvents } from '../../src/rpc/link.js';
import { FakeClock, turns } from '../support/fake-clock.js';
import { FakeRemote } from '../support/fake-remote.js';
import { ballotOf } from '../support/paxos-values.js';
import { thrown } from '../support/rejection.js';
import { headerBetween, rosterOf } from '../support/rosters.js';

const openTimeoutMs = 1000;
const numbered = (number: number): Message => ({ kind: 'confirm', ballot: ballotOf(1, 1), number });
const [one, two, three] = [replicaId(1), replicaId(2), replicaId(3)];

/** A stream that somebody has opened to the replica under test; what is sent on it is kept. */
class Incoming implements Duplex<Exchange> {
  readonly sent: Exchange[] = [];
  pendingBytes = 0;
  isEnded = false;
  send = (exchange: Exchange): void => void this.sent.push(exchange);
  end = (): void => void (this.isEnded = true);

  get numbers(): number[] {
    return this.sent.flatMap(({ body }) =>
      body.map((message) => (message.kind === 'confirm' ? message.number : -1)),
    );
  }
}

describe('the sessions of a replica of OmniPaxos', () => {
  let clock: FakeClock;
  let roster: Roster;
  let remotes: FakeRemote[];
  let sessions: Sessions;
  let told: string[];
  let onReceived: (peer: ReplicaId, number: number) => void;
  let closing: Sessions[];

  beforeEach(() => {
    clock = new FakeClock();
    told = [];
    onReceived = () => undefined;
    closing = [];
  });
  afterEach(() => {
    for (const each of closing) each.close();
  });

  const open = (me: number): void => {
    roster = rosterOf(me, 3, clock);
    remotes = [1, 2, 3].filter((id) => id !== me).map((id) => new FakeRemote(id, me));
    sessions = new Sessions({
      roster,
      links: new Map(remotes.map(({ id, link }) => [replicaId(id), link])),
      clock,
      openTimeoutMs,
      connected: (peer) => told.push(`connected ${peer}`),
      disconnected: (peer) => told.push(`disconnected ${peer}`),
      received: (peer, message) => {
        const number = message.kind === 'confirm' ? message.number : -1;
        told.push(`${peer} says ${number}`);
        onReceived(peer, number);
      },
      trace: () => undefined,
    });
    closing.push(sessions);
    sessions.start();
  };
  const remote = (id: number): FakeRemote => {
    const found = remotes.find((each) => each.id === id);
    if (found === undefined) throw new RangeError(`there is no remote ${id}`);
    return found;
  };
  const streamsTo = (id: number) => remote(id).lines.length;
  const passed = async (ms: number) => {
    for (let step = 0; step < ms; step += 10) {
      clock.advance(10);
      await turns();
    }
  };
  /** Opens a stream to the replica under test, and says the first thing on it. */
  const incoming = (from: number): { stream: Incoming; events: DuplexEvents<Exchange> } => {
    const stream = new Incoming();
    const events = sessions.accept(stream);
    events.received({ header: headerBetween(from, roster.me), body: [] });
    return { stream, events };
  };

  it('are opened by the replica with the lower id', async () => {
    open(2);
    await turns();
    expect([streamsTo(1), streamsTo(3)]).to.deep.equal([0, 1]);
    expect(told).to.deep.equal(['connected 3']);
    incoming(1);
    expect(told).to.deep.equal(['connected 3', 'connected 1']);
    expect([sessions.isConnected(one), sessions.isConnected(three)]).to.deep.equal([true, true]);
  });

  it('stand on the dialling side when the other has answered, and on the other with the first message', async () => {
    open(1);
    remote(2).answers.opening = false;
    await turns();
    expect(told).to.deep.equal(['connected 3']);
    remote(2).say();
    await turns();
    expect(told).to.deep.equal(['connected 3', 'connected 2']);
    open(3);
    const { stream } = incoming(1);
    expect(told.at(-1)).to.equal('connected 1');
    expect(stream.sent.map(({ header, body }) => [header.from, header.to, body])).to.deep.equal([[3, 1, []]]);
  });

  it('are opened again when they have ended, ever more slowly while none stands, and quickly after one stood', async () => {
    open(1);
    await turns();
    remote(3).answers.opening = false;
    const opened: number[] = [];
    const endings = [0, 0, 0, 0, 0, 0, 0];
    for (const _ending of endings) {
      const before = streamsTo(3);
      remote(3).lines.at(-1)!.break();
      const startMs = clock.now();
      while (streamsTo(3) === before) await passed(10);
      opened.push(clock.now() - startMs);
    }
    expect(opened).to.deep.equal([50, 100, 200, 400, 500, 500, 500]);
    remote(3).answers.opening = true;
    remote(3).lines.at(-1)!.break();
    await passed(500);
    expect(sessions.isConnected(three)).to.equal(true);
    const before = streamsTo(3);
    remote(3).lines.at(-1)!.break();
    await passed(50);
    expect(streamsTo(3)).to.equal(before + 1);
  });

  it('are given up when nothing is answered in time, and tried again', async () => {
    open(1);
    remote(2).answers.opening = false;
    await passed(openTimeoutMs - 10);
    expect(remote(2).lines).to.have.length(1);
    await passed(10);
    expect(remote(2).ends).to.have.length(1);
    remote(2).answers.opening = true;
    await passed(100);
    expect(sessions.isConnected(two)).to.equal(true);
    expect(streamsTo(2)).to.equal(2);
    await passed(2 * openTimeoutMs);
    expect(streamsTo(2), 'one that stands may be silent').to.equal(2);
  });

  it('are replaced by a newer stream of the same peer: the older is ended and no longer heard', () => {
    open(3);
    const older = incoming(1);
    const newer = incoming(1);
    expect(told).to.deep.equal(['connected 1', 'disconnected 1', 'connected 1']);
    expect([older.stream.isEnded, newer.stream.isEnded]).to.deep.equal([true, false]);
    older.events.received({ header: headerBetween(1, 3), body: [numbered(1)] });
    newer.events.received({ header: headerBetween(1, 3), body: [numbered(2)] });
    expect(told.slice(3)).to.deep.equal(['1 says 2']);
    older.events.ended(undefined);
    expect(sessions.isConnected(one)).to.equal(true);
    newer.events.ended(undefined);
    expect(told.slice(4)).to.deep.equal(['disconnected 1']);
    expect(sessions.isConnected(one)).to.equal(false);
  });

  it('carry the messages of a turn in one frame, in order', async () => {
    open(3);
    const { stream } = incoming(1);
    for (const number of [1, 2, 3]) sessions.send(one, numbered(number));
    expect(stream.sent, 'at the end of the turn').to.have.length(1);
    await turns();
    sessions.send(one, numbered(4));
    await turns();
    expect(stream.sent.map(({ body }) => body.length)).to.deep.equal([0, 3, 1]);
    expect(stream.numbers).to.deep.equal([1, 2, 3, 4]);
  });

  it('lose what is sent while none stands, and what was not sent when one ended', async () => {
    open(3);
    sessions.send(one, numbered(1));
    const { stream: older } = incoming(1);
    sessions.send(one, numbered(2));
    const { stream: newer } = incoming(1);
    sessions.send(one, numbered(3));
    await turns();
    expect(older.numbers).to.deep.equal([]);
    expect(newer.numbers).to.deep.equal([3]);
  });

  it('hear the rest of a frame no more when what one message did has ended the session', () => {
    open(3);
    const { events } = incoming(1);
    onReceived = (_peer, number) => {
      if (number === 1) incoming(1);
    };
    events.received({ header: headerBetween(1, 3), body: [numbered(1), numbered(2)] });
    expect(told).to.deep.equal(['connected 1', '1 says 1', 'disconnected 1', 'connected 1']);
  });

  it('are ended when the other side takes too little, and opened again', async () => {
    open(1);
    await turns();
    remote(2).lines[0]!.pendingBytes = 16 * 1024 * 1024 + 1;
    sessions.send(two, numbered(1));
    await turns();
    await turns();
    expect(told.filter((each) => each.endsWith(' 2'))).to.deep.equal([
      'connected 2',
      'disconnected 2',
      'connected 2',
    ]);
    expect(remote(2).heard, 'what did not fit is lost with it').to.deep.equal([]);
    expect([remote(2).ends.length, streamsTo(2)]).to.deep.equal([1, 2]);
    sessions.send(two, numbered(2));
    await turns();
    expect(remote(2).heard).to.deep.equal([numbered(2)]);
  });

  it('are ended also by the side that did not open them, which leaves opening to the other', async () => {
    open(3);
    const { stream } = incoming(1);
    stream.pendingBytes = 16 * 1024 * 1024 + 1;
    sessions.send(one, numbered(1));
    await passed(1000);
    expect(stream.isEnded).to.equal(true);
    expect(stream.numbers).to.deep.equal([]);
    expect(told).to.deep.equal(['connected 1', 'disconnected 1']);
    expect(streamsTo(1)).to.equal(0);
  });

  it('do not begin with a header that is refused, and the dialling side tries again', async () => {
    open(1);
    remote(2).answers.opening = false;
    await turns();
    remote(2).sayRaw({ header: { ...headerBetween(2, 1), clusterId: 'another' }, body: [numbered(1)] });
    await turns();
    expect(told).to.deep.equal(['connected 3']);
    expect(remote(2).ends).to.have.length(1);
    expect(roster.refusals.get('wrong-cluster')).to.equal(1);
    remote(2).answers.opening = true;
    await passed(50);
    expect(sessions.isConnected(two)).to.equal(true);
    const refused = { header: { ...headerBetween(1, 1), clusterId: 'another' }, body: [] };
    const { received } = sessions.accept(new Incoming());
    expect(thrown(() => received(refused), PeerRefusal).refusal).to.equal('wrong-cluster');
  });

  it('end with a later header that is refused', async () => {
    open(1);
    await turns();
    remote(2).sayRaw({ header: { ...headerBetween(2, 1), clusterId: 'another' }, body: [numbered(1)] });
    await turns();
    expect(told.filter((each) => each.endsWith('2'))).to.deep.equal(['connected 2', 'disconnected 2']);
    expect(told).to.not.include('2 says 1');
  });

  it('end when they are closed, and none begins any more', async () => {
    open(1);
    remote(3).answers.opening = false;
    await turns();
    sessions.close();
    await turns();
    expect(remote(2).ends, 'one that stood').to.have.length(1);
    remote(3).say(numbered(1));
    await passed(5000);
    expect(told).to.deep.equal(['connected 2']);
    expect(remote(3).ends, 'one that was being opened').to.have.length(1);
    expect([streamsTo(2), streamsTo(3)]).to.deep.equal([1, 1]);
    expect(clock.waiting).to.equal(0);
  });

  it('are not taken either by one that is closed', () => {
    open(3);
    sessions.close();
    const { stream } = incoming(1);
    expect([stream.isEnded, sessions.isConnected(one), told]).to.deep.equal([true, false, []]);
  });
});
