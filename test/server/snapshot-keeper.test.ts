import { expect } from 'chai';
import { encodeCommand } from '../../src/kv/command.js';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { KeyValueStateMachine } from '../../src/kv/state-machine.js';
import type { LogStatus } from '../../src/log/replicated-log.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { seededRandom } from '../../src/runtime/random.js';
import { SnapshotKeeper, type KeeperStorage } from '../../src/server/snapshot-keeper.js';
import { NoSpaceError } from '../../src/storage/disk.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { SnapshotFiles } from '../../src/storage/snapshot-files.js';
import { FakeClock, turns } from '../support/fake-clock.js';
import { FakeWriteAheadLog } from '../support/fake-write-ahead-log.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

const limits = { slots: 10, bytes: 1000 };

/** A keeper over a state that the test moves on. */
class Keeping {
  readonly clock = new FakeClock();
  readonly disk = new SimulatedDisk(seededRandom(1));
  readonly state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
  readonly writeAheadLog = new FakeWriteAheadLog();
  readonly cuts: number[] = [];
  readonly failures: unknown[] = [];
  live: readonly LogRecord[] | undefined = [logRecord('pin', { replica: 2, payload: Uint8Array.of(1) })];
  floor = 0;
  held: number | undefined;
  heldBytes = 0;
  agreed: number | undefined = 1_000_000;
  needed: (number | undefined)[] = [];
  transfers: number[] = [];
  snapshots: SnapshotFiles | undefined;

  async open(
    manner: { readonly inMemory?: boolean; readonly recoveredBytes?: number } = {},
  ): Promise<SnapshotKeeper> {
    this.snapshots = await SnapshotFiles.open(this.disk);
    const storage: KeeperStorage = {
      log: this.writeAheadLog as unknown as KeeperStorage['log'],
      snapshots: this.snapshots,
      recoveredBytes: manner.recoveredBytes ?? 0,
      live: () => this.live,
    };
    const log = {
      applied: undefined,
      cut: (through: number): Promise<void> => {
        this.cuts.push(through);
        this.floor = through + 1;
        return Promise.resolve();
      },
      status: () => this.#status(),
    };
    Object.defineProperty(log, 'applied', { get: () => this.state.applied });
    const keeper = new SnapshotKeeper({
      state: this.state,
      log,
      storage: manner.inMemory === true ? undefined : storage,
      limits,
      clock: this.clock,
      logger: silentLogger,
      agreedThrough: () => this.agreed,
      neededThrough: () => this.needed,
      transfersFrom: () => this.transfers,
      failed: (error) => this.failures.push(error),
    });
    keeper.start();
    return keeper;
  }

  /** Applies slots, each of which takes so many bytes in the log. */
  apply(count: number, bytes = 0): void {
    for (let applied = 0; applied < count; applied += 1) {
      const slot = (this.state.applied ?? -1) + 1;
      this.state.apply(slot, [encodeCommand({ kind: 'open-session' })]);
      this.writeAheadLog.bytesAppended += bytes;
    }
  }

  /** Lets the keeper look, and end what it begins. */
  async look(ms = 110): Promise<void> {
    const endMs = this.clock.now() + ms;
    await this.clock.runUntil(() => this.clock.now() >= endMs || this.clock.waiting === 0, ms + 100_000);
    await turns();
  }

  get through(): (number | undefined)[] {
    return (this.snapshots?.list() ?? []).map(({ through }) => through);
  }

  #status(): LogStatus {
    const applied = this.state.applied;
    return {
      min: 0,
      max: applied,
      applied,
      floor: this.floor,
      held: this.held ?? (applied ?? -1) + 1 - this.floor,
      heldBytes: this.heldBytes,
      queuedCommands: 0,
      queuedBytes: 0,
      open: [],
    };
  }
}

describe('the keeper of snapshots', () => {
  let world: Keeping;

  beforeEach(() => {
    world = new Keeping();
  });

  describe('writes one', () => {
    it('when the log has grown past its limit of bytes since the last, and no sooner', async () => {
      await world.open();
      world.apply(2, 500);
      await world.look();
      expect(world.through, 'at the limit').to.deep.equal([]);
      world.apply(1, 1);
      await world.look();
      expect(world.through).to.deep.equal([2]);
      world.apply(1, 1000);
      await world.look();
      expect(world.through).to.deep.equal([2]);
      world.apply(1, 1000);
      await world.look();
      expect(world.through, 'and lets the older one go').to.deep.equal([4]);
    });

    it('counting what was in the log when the replica started', async () => {
      world.apply(1);
      await world.open({ recoveredBytes: limits.bytes + 1 });
      await world.look();
      expect(world.through).to.deep.equal([0]);
    });

    it('only when the log has outgrown the last one, if that is larger than the limit', async () => {
      await world.open();
      world.apply(200, 6);
      await world.look();
      expect(world.through).to.deep.equal([199]);
      const bytes = world.snapshots?.list()[0]?.bytes ?? 0;
      expect(bytes).to.be.above(limits.bytes);
      world.apply(1, bytes);
      await world.look();
      expect(world.through).to.deep.equal([199]);
      world.apply(1, 1);
      await world.look();
      expect(world.through).to.deep.equal([201]);
    });

    it('when too many slots are held although they are small, once there is something to it', async () => {
      await world.open();
      world.apply(limits.slots + 1, 1);
      world.held = limits.slots;
      await world.look();
      expect(world.through, 'they are not held any more').to.deep.equal([]);
      world.held = limits.slots + 1;
      await world.look();
      expect(world.through).to.deep.equal([limits.slots]);
    });

    it('of nothing, and of the same slot, never', async () => {
      await world.open();
      world.writeAheadLog.bytesAppended = 5000;
      await world.look();
      expect(world.through).to.deep.equal([]);
      world.apply(1);
      await world.look();
      world.writeAheadLog.bytesAppended = 500_000;
      const writes = world.disk.counts.write;
      await world.look(1000);
      expect(world.disk.counts.write).to.equal(writes);
    });

    it('while the state goes on changing, as it stood when it began', async () => {
      await world.open();
      world.apply(3, 500);
      world.disk.before = ({ kind }) => {
        if (kind === 'write') world.apply(1);
      };
      await world.look();
      expect(world.state.applied).to.be.above(2);
      expect(world.through).to.deep.equal([2]);
      const again = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
      const builder = again.builder();
      for await (const chunk of world.snapshots!.read(2)) builder.take(chunk);
      expect(builder.finish().through).to.equal(2);
    });

    it('giving up the reserve of the log when there is no room', async () => {
      await world.open();
      world.disk.capacityBytes = 100;
      world.writeAheadLog.whenReleased = () => (world.disk.capacityBytes = Infinity);
      world.apply(3, 500);
      await world.look();
      expect(world.writeAheadLog.released).to.equal(1);
      expect(world.through).to.deep.equal([2]);
      expect(world.failures).to.deep.equal([]);
    });

    it('five seconds later when there is no room even then, and leaves nothing half written', async () => {
      await world.open();
      world.disk.capacityBytes = 100;
      world.apply(3, 500);
      await world.look();
      expect(world.through).to.deep.equal([]);
      expect(await world.disk.list()).to.deep.equal([]);
      world.disk.capacityBytes = Infinity;
      await world.look(4700);
      expect(world.through).to.deep.equal([]);
      await world.look(400);
      expect(world.through).to.deep.equal([2]);
      expect(world.failures).to.deep.equal([]);
    });

    it('or stops the replica if the disk fails', async () => {
      await world.open();
      world.apply(3, 500);
      world.disk.failNextSync(new Error('EIO'));
      await world.look();
      expect(world.failures).to.have.length(1);
    });
  });

  describe('cuts the log', () => {
    /** A log past its limit whose first 50 slots a snapshot covers. */
    const grown = async (inMemory = false): Promise<void> => {
      world.held = 0;
      await world.open({ inMemory });
      world.apply(50, 100);
      await world.look();
      expect(world.through).to.deep.equal(inMemory ? [] : [49]);
      world.apply(20);
      world.held = limits.slots + 1;
    };

    it('as far as the snapshot covers, and not at all while it is within its limits', async () => {
      await grown();
      world.held = limits.slots;
      world.heldBytes = limits.bytes;
      await world.look();
      expect(world.cuts).to.deep.equal([]);
      world.heldBytes += 1;
      await world.look();
      expect(world.cuts).to.deep.equal([49]);
    });

    it('never past the last checkpoint that a majority agrees on', async () => {
      await grown();
      world.agreed = undefined;
      await world.look();
      expect(world.cuts).to.deep.equal([]);
      world.agreed = 16;
      await world.look();
      expect(world.cuts).to.deep.equal([16]);
    });

    it('never past what a peer within reach has learned, until it is four times over its limit', async () => {
      await grown();
      world.needed = [40, 12];
      await world.look();
      expect(world.cuts).to.deep.equal([12]);
      world.needed = [40, undefined];
      world.held = 4 * limits.slots;
      await world.look();
      expect(world.cuts).to.deep.equal([12]);
      world.held = 4 * limits.slots + 1;
      await world.look();
      expect(world.cuts).to.deep.equal([12, 49]);
    });

    it('never past where a transfer of the state began, however long that log gets', async () => {
      await grown();
      world.transfers = [30, 20];
      world.held = 100 * limits.slots;
      await world.look();
      expect(world.cuts).to.deep.equal([20]);
      world.transfers = [];
      await world.look();
      expect(world.cuts).to.deep.equal([20, 49]);
    });

    it('not again where it is cut already', async () => {
      await grown();
      await world.look(1000);
      expect(world.cuts).to.deep.equal([49]);
    });

    it('not while the disk is full, since the floor could not be written down', async () => {
      await grown();
      world.writeAheadLog.hasSpace = false;
      await world.look();
      expect(world.cuts).to.deep.equal([]);
    });

    it('in memory as far as is applied, for want of a snapshot', async () => {
      await grown(true);
      await world.look();
      expect(world.cuts).to.deep.equal([69]);
      expect(await world.disk.list()).to.deep.equal([]);
    });
  });

  describe('drops segments', () => {
    it('below the floor and covered by the snapshot, whichever is lower, saying again what must live on', async () => {
      world.held = 0;
      await world.open();
      world.apply(50, 100);
      await world.look();
      for (const [floor, below] of [
        [30, 30],
        [70, 50],
      ] as const) {
        world.floor = floor;
        world.writeAheadLog.droppable = true;
        await world.look();
        expect(world.writeAheadLog.dropped.at(-1)).to.deep.equal({ below, live: world.live });
      }
    });

    it('never by the floor alone', async () => {
      world.held = 0;
      await world.open();
      world.apply(5);
      world.floor = 5;
      world.writeAheadLog.droppable = true;
      await world.look(1000);
      expect(world.writeAheadLog.dropped).to.deep.equal([]);
    });

    it('not while it cannot be told what must live on', async () => {
      world.held = 0;
      await world.open();
      world.apply(50, 100);
      world.floor = 40;
      world.writeAheadLog.droppable = true;
      world.live = undefined;
      await world.look(1000);
      expect(world.writeAheadLog.dropped).to.deep.equal([]);
      world.live = [];
      await world.look();
      expect(world.writeAheadLog.dropped).to.deep.equal([{ below: 40, live: [] }]);
    });

    it('also while there is no room for the snapshot that is due', async () => {
      world.held = 0;
      await world.open();
      world.apply(50, 100);
      await world.look();
      world.disk.capacityBytes = 0;
      world.apply(5, 1000);
      world.floor = 40;
      world.writeAheadLog.droppable = true;
      await world.look();
      expect(world.through).to.deep.equal([49]);
      expect(world.writeAheadLog.dropped.map(({ below }) => below)).to.deep.equal([40]);
    });

    it('later, if the disk is so full that the log cannot even be cut', async () => {
      world.held = 0;
      await world.open();
      world.apply(50, 100);
      world.floor = 40;
      world.writeAheadLog.droppable = true;
      world.writeAheadLog.dropFailure = new NoSpaceError('log');
      await world.look();
      expect(world.failures).to.deep.equal([]);
      world.writeAheadLog.dropFailure = undefined;
      await world.look();
      expect(world.writeAheadLog.dropped).to.have.length(1);
      world.writeAheadLog.droppable = true;
      world.writeAheadLog.dropFailure = new Error('EIO');
      await world.look();
      expect(world.failures).to.deep.equal([world.writeAheadLog.dropFailure]);
    });
  });

  it('does nothing more once it is closed', async () => {
    const keeper = await world.open();
    world.apply(3, 500);
    await keeper.close();
    await world.look(1000);
    expect(world.through).to.deep.equal([]);
    expect(world.clock.waiting).to.equal(0);
  });
});
