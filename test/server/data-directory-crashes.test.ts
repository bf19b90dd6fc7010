import { expect } from 'chai';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { KeyValueStateMachine } from '../../src/kv/state-machine.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { DirectoryMismatch } from '../../src/server/identity.js';
import { paxosEngine } from '../../src/server/paxos-engine.js';
import { startingPoint } from '../../src/server/starting-point.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { readSealed } from '../../src/storage/sealed-file.js';
import { atEveryCrash } from '../support/crash-points.js';
import {
  addSlots,
  addSnapshot,
  floorRecord,
  openOn,
  revived,
  stateThrough,
  vote,
} from '../support/data-directories.js';
import type { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const nothing = () => Promise.resolve();

const phaseOn = async (disk: SimulatedDisk): Promise<unknown> =>
  ((await readSealed(disk, 'identity')) as { readonly phase: string } | undefined)?.phase;

/** What a directory comes to without a replica on it. */
async function pointOn(disk: SimulatedDisk) {
  const directory = await openOn(disk);
  const state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
  const point = await startingPoint(paxosEngine, {
    directory,
    state,
    rebuild: false,
    memberCount: 3,
    logger: silentLogger,
  });
  await directory.log.close();
  return { directory, state, point };
}

describe('a data directory whose power is cut before any operation', () => {
  it('of its birth is born in the end, and is the one that was handed out if one was', async function () {
    this.timeout(60_000);
    let handedOut: string | undefined;
    const points = await atEveryCrash({
      prepare: nothing,
      act: async (disk) => {
        handedOut = undefined;
        const directory = await openOn(disk);
        handedOut = directory.directoryId;
        await directory.log.append([vote(3)]);
        await directory.log.close();
      },
      check: async (disk, ended) => {
        const { directory, point } = await pointOn(disk);
        if (handedOut !== undefined) expect(directory.directoryId).to.equal(handedOut);
        expect(directory.clusterId).to.equal('derived');
        const votes = [...point.recovered.instances.keys()];
        expect(votes).to.be.an('array').with.lengthOf.at.most(1);
        if (ended) expect(votes).to.deep.equal([3]);
      },
    });
    expect(points).to.be.above(20);
  });

  it('of a second birth is born in the end as well, and has nothing of the first', async function () {
    this.timeout(60_000);
    await atEveryCrash({
      prepare: async (disk) => {
        let operations = 0;
        disk.before = ({ kind }) => {
          operations += kind === 'sync-directory' ? 1 : 0;
          if (operations === 3) throw new Error('the process was killed');
        };
        await openOn(disk).catch(() => undefined);
        disk.before = undefined;
        expect(await phaseOn(disk)).to.equal('being-born');
      },
      act: async (disk) => (await openOn(disk)).log.close(),
      check: async (disk) => {
        const { point, directory } = await pointOn(disk);
        expect(point.recovered.instances.size).to.equal(0);
        expect(directory.recovered.lastLsn).to.equal(0);
      },
    });
  });

  it('of a restore is empty, whole, or refused, and never a replica without the restored state', async function () {
    this.timeout(60_000);
    const outcomes = new Set<string>();
    await atEveryCrash({
      prepare: nothing,
      act: async (disk) => (await openOn(disk, { seed: stateThrough(5).snapshot() })).log.close(),
      check: async (disk, ended) => {
        const phase = await phaseOn(disk);
        outcomes.add(String(phase));
        if (phase === 'born') {
          const { applied, floor, sessionsOpened } = await revived(disk);
          expect([applied, floor, sessionsOpened]).to.deep.equal([5, 6, 6]);
          return;
        }
        expect(ended).to.equal(false);
        if (phase === undefined) expect(await disk.list()).to.not.include('log-0000000001.segment');
        else await openOn(disk).then(mustNotOpen, mustMismatch);
      },
    });
    expect([...outcomes]).to.have.members(['undefined', 'being-restored', 'born']);
  });

  it('of the install of a pulled snapshot has every vote above it, and the snapshot or what it stands for', async function () {
    this.timeout(60_000);
    await atEveryCrash({
      prepare: async (disk) => {
        const directory = await openOn(disk);
        await addSlots(directory, 0, 2);
        await addSnapshot(directory, 1);
        await directory.log.append([vote(4), vote(9)]);
        await directory.log.close();
      },
      act: async (disk) => {
        const directory = await openOn(disk);
        await addSnapshot(directory, 6);
        await directory.log.append([floorRecord(7)]);
        await directory.snapshots.removeOlder(6);
        await directory.log.close();
      },
      check: async (disk, ended) => {
        const { applied, floor, sessionsOpened, replica } = await revived(disk);
        expect(applied).to.be.oneOf(ended ? [6] : [2, 6]);
        expect(sessionsOpened).to.equal((applied ?? 0) + 1);
        expect(floor).to.equal(applied === 6 ? 7 : 0);
        const open = replica.engine.peer.openInstances().map(([slot]) => slot);
        expect(open).to.deep.equal(applied === 6 ? [9] : [4, 9]);
      },
    });
  });

  it('of a rebuild keeps its votes, and is refused without --rebuild until it is through', async function () {
    this.timeout(60_000);
    await atEveryCrash({
      prepare: async (disk) => {
        const directory = await openOn(disk);
        await addSnapshot(directory, 3);
        await directory.log.append([floorRecord(4), vote(7)]);
        await directory.suspect.set(2);
        await directory.log.close();
      },
      act: async (disk) => {
        await revived(disk, { rebuild: true });
      },
      check: async (disk) => {
        await revived(disk.image()).then(mustNotOpen, (error: unknown) =>
          expect(error).to.be.instanceOf(StorageDamage),
        );
        const { replica, floor } = await revived(disk, { rebuild: true });
        expect(floor).to.equal(4);
        expect(replica.engine.peer.openInstances().map(([slot]) => slot)).to.deep.equal([7]);
      },
    });
  });
});

const mustNotOpen = () => expect.fail('it was opened');
const mustMismatch = (error: unknown) => expect(error).to.be.instanceOf(DirectoryMismatch);
