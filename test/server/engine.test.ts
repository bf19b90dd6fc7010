import { expect } from 'chai';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { incarnation, replicaId } from '../../src/log/ids.js';
import type { PaxosLink } from '../../src/paxos/messages.js';
import type { RecoveredPaxos } from '../../src/paxos/recovery.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { seededRandom } from '../../src/runtime/random.js';
import type { Engine, EngineKind } from '../../src/server/engine.js';
import type { Hello } from '../../src/server/hello.js';
import { paxosEngine } from '../../src/server/paxos-engine.js';
import { Replica } from '../../src/server/replica.js';
import { Persistence } from '../../src/server/persistence.js';
import { logRecord } from '../../src/storage/log-record.js';
import { emptyDisk, linkToNobody, openOn } from '../support/data-directories.js';
import { FakeClock } from '../support/fake-clock.js';
import { membersOf, rosterOf } from '../support/rosters.js';

const leader = {
  replica: replicaId(2),
  ballot: '7.2',
  phase: 'following',
  lateHeartbeats: 1,
  longestStallMs: 5,
};

/** The engine of instances under another name, with what it does not have of its own. */
const otherEngine = (events: string[], trouble: string): EngineKind<PaxosLink, RecoveredPaxos, Engine> => ({
  ...paxosEngine,
  name: 'omnipaxos',
  open: (options) => {
    const inner = paxosEngine.open(options);
    return {
      ...inner,
      leader,
      trouble,
      replay: async () => {
        await inner.replay();
        events.push('replayed');
      },
      start: () => events.push('start'),
    };
  },
});

/** Replica 1 of three on that engine, whose greetings come to nothing. */
async function replicaOn(trouble = '') {
  const events: string[] = [];
  const hellos: Hello[] = [];
  const replica = await Replica.open({
    members: membersOf(3),
    me: replicaId(1),
    clusterId: 'cluster',
    incarnation: incarnation('process'),
    sessionParameters: defaultSessionParameters,
    directory: undefined,
    rebuild: false,
    logLimits: { slots: 100, bytes: 100_000 },
    reads: 'barrier',
    helloIntervalMs: 500,
    roundTimeoutMs: 1000,
    electionTimeoutMs: 100,
    clock: new FakeClock(),
    random: seededRandom(1),
    logger: silentLogger,
    failed: () => undefined,
    engine: otherEngine(events, trouble),
    link: () => ({
      ...linkToNobody,
      hello: (request, options) => {
        events.push('hello');
        hellos.push(request.body);
        return linkToNobody.hello(request, options);
      },
    }),
  });
  events.push('opened');
  return { replica, events, hellos };
}

describe('a replica and its engine', () => {
  it('lets it replay before the replica is handed out, and take part once the others are greeted', async () => {
    const { replica, events } = await replicaOn();
    replica.start();
    expect(events).to.deep.equal(['replayed', 'opened', 'hello', 'hello', 'start']);
    await replica.close();
  });

  it('is known by its name to the others and in the status, which has the leader it tells', async () => {
    const { replica, hellos } = await replicaOn();
    replica.start();
    expect(hellos.map(({ engine }) => engine)).to.deep.equal(['omnipaxos', 'omnipaxos']);
    expect(replica.status()).to.deep.include({ engine: 'omnipaxos', leader });
    await replica.close();
  });

  it('tells what troubles the engine, and else what keeps the replica from voting', async () => {
    const troubled = await replicaOn('it has lost entries');
    expect(troubled.replica.status().trouble).to.equal('it has lost entries');
    await troubled.replica.close();
    const { replica } = await replicaOn();
    expect(replica.status().trouble).to.include('does not vote yet');
    await replica.close();
  });

  it('has the records that it must say again kept with those of the roster, or no segment dropped', async () => {
    const directory = await openOn(emptyDisk());
    const persistence = new Persistence(directory, rosterOf(1, 3));
    const promise = logRecord('promise', { slot: 3, round: 1, replica: 2 });
    await Promise.all([persistence.recordOwnPin(), directory.log.append([promise])]);
    const kinds = (records: readonly { readonly kind: string }[] | undefined) =>
      records?.map(({ kind }) => kind);
    expect(kinds(persistence.keeperStorage(() => [promise]).live())).to.deep.equal(['pin', 'promise']);
    expect(persistence.keeperStorage(() => undefined).live()).to.equal(undefined);
    await directory.log.close();
  });
});
