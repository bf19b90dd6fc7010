import { expect } from 'chai';
import type { PaxosRecord } from '../../src/paxos/messages.js';
import { HeldJournal } from '../support/held-journal.js';
import { turns } from '../support/fake-clock.js';
import { logOnPeer } from '../support/log-on-peer.js';
import { ballotOf, valueOf } from '../support/paxos-values.js';
import { agreeToAll, fromTwo } from '../support/peer-world.js';

describe('the moments that the paxos engine names', () => {
  it('come in the order of a write, a read and a cut, each when it has just happened', async () => {
    const journal = new HeldJournal<PaxosRecord>();
    const moments: string[] = [];
    const trace = (event: string) => {
      const synced = journal.synced.map(({ kind }) => kind).join(' ');
      const { prepares, accepts, decides } = on.two;
      moments.push(`${event}: ${prepares.length}${accepts.length}${decides.length} sent, synced: ${synced}`);
    };
    const on = logOnPeer({ journal, peer: { trace }, log: { trace } });
    agreeToAll(on);
    on.three.answers.prepare = () => 'lost';
    on.three.answers.accept = () => 'lost';
    on.two.answers.reach = () => ({ reach: 0 });
    const write = on.log.propose(valueOf('a'), new AbortController().signal);
    for (let syncs = 0; syncs < 5; syncs += 1) {
      journal.sync();
      await turns();
    }
    await write;
    await on.log.readBarrier(new AbortController().signal);
    void on.log.cut(0);
    journal.sync();
    await turns();
    const names = moments.map((moment) => moment.slice(0, moment.indexOf(':')));
    expect([...new Set(names)]).to.deep.equal([
      'proposed',
      'round-synced',
      'prepare-sent',
      'prepare-received',
      'promise-synced',
      'accept-sent',
      'accept-received',
      'vote-synced',
      'round',
      'decided',
      'learned',
      'applied',
      'reply-settled',
      'decide-sent',
      'decided-synced',
      'barrier-asked',
      'barrier-passed',
      'floor-synced',
      'forgotten',
    ]);
    expect(moments).to.include.members([
      'proposed: 000 sent, synced: ',
      'round-synced: 000 sent, synced: round',
      'prepare-sent: 100 sent, synced: round',
      'promise-synced: 100 sent, synced: round promise',
      'accept-sent: 110 sent, synced: round promise',
      'vote-synced: 110 sent, synced: round promise vote',
      'reply-settled: 110 sent, synced: round promise vote',
      'decide-sent: 111 sent, synced: round promise vote',
    ]);
    expect(moments.find((moment) => moment.startsWith('floor-synced'))).to.match(/floor$/);
  });

  it('tell of promises and votes only when they are on disk, and of installed snapshots', async () => {
    const journal = new HeldJournal<PaxosRecord>();
    const names: string[] = [];
    const trace = (event: string) => names.push(event);
    const on = logOnPeer({ journal, peer: { trace }, log: { trace } });
    void on.peer.handlePrepare(fromTwo({ slot: 0, ballot: ballotOf(1, 2) }));
    void on.peer.handleAccept(fromTwo({ slot: 0, ballot: ballotOf(1, 2), value: valueOf('a') }));
    await turns();
    expect(names).to.deep.equal(['prepare-received', 'accept-received']);
    journal.sync();
    await turns();
    expect(names.slice(2)).to.deep.equal(['promise-synced', 'vote-synced']);
    void on.log.install(4, () => names.push('the call'));
    await turns();
    expect(names).to.have.length(4);
    journal.sync();
    await turns();
    expect(names.slice(4)).to.deep.equal(['floor-synced', 'forgotten', 'the call', 'installed']);
  });
});
