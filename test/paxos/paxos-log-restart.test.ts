import { expect } from 'chai';
import { replicaId } from '../../src/log/ids.js';
import { Roster } from '../../src/log/roster.js';
import type { AcceptorState } from '../../src/paxos/acceptor.js';
import type { RecoveredPaxos } from '../../src/paxos/recovery.js';
import { FakeClock, turns } from '../support/fake-clock.js';
import { decisions, logOnPeer, type LogOnPeer } from '../support/log-on-peer.js';
import { valueOf } from '../support/paxos-values.js';
import { agreeToAll, fromTwo } from '../support/peer-world.js';
import { clusterId, incarnationOf, membersOf } from '../support/rosters.js';

const nothing: RecoveredPaxos = {
  floor: 0,
  floorToRecord: undefined,
  highestRound: 0,
  instances: new Map(),
  unapplied: new Map(),
  silent: undefined,
  missingThrough: undefined,
};
const decide = async ({ peer }: LogOnPeer, first: number, last: number): Promise<void> => {
  for (const decision of decisions(first, last)) await peer.handleDecide(fromTwo(decision));
};
const doneThrough = ({ peer }: LogOnPeer) => peer.roster.done.throughOf(peer.roster.me);
const decidedFrom = (first: number, last: number): Map<number, AcceptorState> =>
  new Map(decisions(first, last).map(({ slot, value }) => [slot, { phase: 'decided', value }]));

describe('the log on Paxos after a restart', () => {
  it('applies nothing before it is told to, and then all that was recovered above its snapshot', async () => {
    const recovered: RecoveredPaxos = {
      ...nothing,
      floor: 4,
      instances: decidedFrom(4, 6),
      unapplied: new Map(decisions(2, 3).map(({ slot, value }) => [slot, value])),
    };
    const on = logOnPeer({ peer: { recovered }, log: { recoveredThrough: 1 } });
    expect(on.log.applied).to.equal(1);
    await decide(on, 7, 7);
    expect(on.applied).to.deep.equal([]);
    await on.log.replay();
    expect(on.applied.map((line) => line.split(' ')[0])).to.deep.equal(['2', '3', '4', '5', '6', '7']);
    await turns();
    expect(doneThrough(on)).to.equal(7);
    await decide(on, 8, 8);
    expect(on.log.applied).to.equal(8);
  });

  it('applies in slices of a few milliseconds', async () => {
    const recovered: RecoveredPaxos = { ...nothing, instances: decidedFrom(0, 19) };
    const on = logOnPeer({
      peer: { recovered },
      log: {
        stateMachine: {
          apply: (_slot, commands) => {
            on.clock.advance(1);
            return commands.map(() => 'applied');
          },
          recorded: () => undefined,
        },
      },
    });
    let replayed = false;
    void on.log.replay().then(() => (replayed = true));
    const reached: (number | undefined)[] = [];
    while (reached.length < 4) {
      reached.push(on.log.applied);
      await turns();
      on.clock.advance(0);
      await turns();
    }
    expect(reached.slice(0, 4)).to.deep.equal([4, 9, 14, 19]);
    expect(replayed).to.equal(true);
  });

  it('raises its floor above a snapshot whose slots it does not all know decided', async () => {
    const recovered: RecoveredPaxos = { ...nothing, instances: decidedFrom(0, 1), floorToRecord: 5 };
    const on = logOnPeer({ peer: { recovered }, log: { recoveredThrough: 4 } });
    await on.log.replay();
    expect([on.log.applied, on.peer.floor, on.peer.max()]).to.deep.equal([4, 5, 4]);
    expect(on.applied).to.deep.equal([]);
    await decide(on, 5, 5);
    expect(on.log.applied).to.equal(5);
  });

  it('waits for a snapshot where it has forgotten more than it can apply', async () => {
    const recovered: RecoveredPaxos = {
      ...nothing,
      floor: 4,
      instances: decidedFrom(4, 5),
      missingThrough: 3,
    };
    const on = logOnPeer({ peer: { recovered } });
    await on.log.replay();
    expect([on.log.applied, on.applied]).to.deep.equal([undefined, []]);
    await on.log.install(3, () => undefined);
    expect(on.log.applied).to.equal(5);
    expect(on.failures).to.deep.equal([]);
  });

  it('takes no batch of an earlier start for one of its own, although its directory is the same', async () => {
    const startedAs = (bootCounter: number) => {
      const clock = new FakeClock();
      const roster = new Roster({
        members: membersOf(3),
        me: replicaId(1),
        clusterId,
        incarnation: incarnationOf(1),
        bootCounter,
        clock,
        introductions: 'none',
      });
      const on = logOnPeer({ peer: { roster } });
      agreeToAll(on);
      for (const { answers } of on.others) answers.accept = () => 'silence';
      const result = on.log.propose(valueOf(`command of start ${bootCounter}`), new AbortController().signal);
      return { on, result };
    };
    const earlier = startedAs(1);
    await turns();
    const { value } = earlier.on.two.accepts[0]!;
    const { on, result } = startedAs(2);
    await turns();
    agreeToAll(on);
    await on.peer.handleDecide(fromTwo({ slot: 0, value }));
    expect(await result).to.equal('command of start 2 at 1');
    expect(on.applied).to.deep.equal(['0 command of start 1', '1 command of start 2']);
  });
});
