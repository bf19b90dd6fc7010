import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { KeyValueStateMachine } from '../../src/kv/state-machine.js';
import type { Enveloped } from '../../src/log/header.js';
import { replicaId } from '../../src/log/ids.js';
import { silentLogger } from '../../src/runtime/logger.js';
import { seededRandom } from '../../src/runtime/random.js';
import { SnapshotPuller } from '../../src/server/snapshot-puller.js';
import type { Chunk } from '../../src/log/snapshot-chunks.js';
import type { PullRequest, SnapshotLink, SnapshotPiece } from '../../src/server/snapshot-transfer.js';
import { StorageFailure } from '../../src/storage/errors.js';
import { SnapshotFiles } from '../../src/storage/snapshot-files.js';
import { FakeClock } from '../support/fake-clock.js';
import { digestHex } from '../support/key-value-states.js';
import { rosterOf } from '../support/rosters.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';
import { applyAnother, ownerOf, pieceCount, type Owner } from '../support/snapshot-transfers.js';

type Piece = Enveloped<SnapshotPiece>;
type Request = PullRequest & { readonly peer: number };
/** What the way to a peer does to its pieces, on its so many-th use. */
type Tampering = (pieces: AsyncIterable<Piece>, use: number, signal: AbortSignal) => AsyncIterable<Piece>;

async function* brokenAfter(pieces: AsyncIterable<Piece>, count: number): AsyncIterable<Piece> {
  let passed = 0;
  for await (const piece of pieces) {
    if (passed === count) throw new Error('the connection broke');
    passed += 1;
    yield piece;
  }
}

async function* withChunk(
  pieces: AsyncIterable<Piece>,
  change: (chunk: Chunk) => Chunk,
): AsyncIterable<Piece> {
  for await (const { header, body } of pieces) yield { header, body: { ...body, chunk: change(body.chunk) } };
}

const flipped = (content: Uint8Array): Uint8Array =>
  Uint8Array.from(content, (byte, index) => (index === content.length - 1 ? byte ^ 1 : byte));

/** Spoils one piece on its way, and its check sum does not fit any more. */
const garbled = (pieces: AsyncIterable<Piece>, number: number): AsyncIterable<Piece> =>
  withChunk(pieces, (chunk) =>
    chunk.number === number ? { ...chunk, content: flipped(chunk.content) } : chunk,
  );

/** A replica without state, and two owners that it may pull from. */
class Pulling {
  readonly clock = new FakeClock();
  readonly disk = new SimulatedDisk(seededRandom(1));
  readonly state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
  readonly owners: readonly Owner[] = [2, 3].map((id) => ownerOf(id, this.clock));
  readonly requests: Request[] = [];
  readonly events: string[] = [];
  readonly failures: unknown[] = [];
  tampering: Tampering = (pieces) => pieces;
  applied: number | undefined;
  #puller: SnapshotPuller | undefined;

  async open(kept = true): Promise<SnapshotPuller> {
    const snapshots = kept
      ? await SnapshotFiles.open(this.disk, (event) => this.events.push(event))
      : undefined;
    const log = {
      install: (through: number, install: () => void): Promise<void> => {
        this.events.push(`floor ${through + 1}`);
        install();
        this.applied = through;
        return Promise.resolve();
      },
    };
    Object.defineProperty(log, 'applied', { get: () => this.applied });
    this.#puller = new SnapshotPuller({
      roster: rosterOf(1, 3, this.clock),
      links: new Map(this.owners.map((owner, index) => [replicaId(index + 2), this.#link(owner, index + 2)])),
      state: this.state,
      log: log as typeof log & { readonly applied: number | undefined },
      snapshots,
      clock: this.clock,
      logger: silentLogger,
      installed: (through) => {
        this.events.push(`installed ${through}`);
        return Promise.resolve();
      },
      failed: (error) => this.failures.push(error),
    });
    return this.#puller;
  }

  /** Pulls what is needed, from replica 2 first. */
  async pull(through = 1): Promise<void> {
    const puller = this.#puller ?? (await this.open());
    puller.need(through, replicaId(2));
    await this.clock.runUntil(() => !puller.pulling, 600_000);
  }

  get files(): Promise<string[]> {
    return this.disk.list();
  }

  #link(owner: Owner, peer: number): SnapshotLink {
    return {
      pullSnapshot: (request, { signal }) => {
        this.requests.push({ peer, ...request.body });
        return this.tampering(owner.source.handlePull(request, signal), this.requests.length, signal);
      },
    };
  }
}

describe('the puller of snapshots', () => {
  let world: Pulling;

  beforeEach(() => {
    world = new Pulling();
  });

  const expectInstalled = async (through = 1): Promise<void> => {
    expect(world.failures).to.deep.equal([]);
    expect(world.applied).to.equal(through);
    expect(world.state.applied).to.equal(through);
    expect(world.owners.map(({ state }) => digestHex(state))).to.include(digestHex(world.state));
    expect(await world.files).to.deep.equal([`snapshot-${String(through + 1).padStart(16, '0')}`]);
  };

  it('makes the snapshot durable, then the floor, then installs it, and then lets older ones go', async () => {
    await world.open();
    const older = await SnapshotFiles.open(world.disk);
    const writer = await older.begin(0);
    await writer.write(Uint8Array.of(1));
    await writer.commit();
    await world.open();
    await world.pull();
    await expectInstalled();
    expect(world.events.filter((event) => event !== 'snapshot-chunk-written')).to.deep.equal([
      'snapshot-begun',
      'snapshot-synced',
      'snapshot-renamed',
      'floor 2',
      'snapshot-removed',
      'installed 1',
    ]);
  });

  it('does the same without a disk, and keeps nothing', async () => {
    await world.open(false);
    await world.pull();
    expect(digestHex(world.state)).to.equal(digestHex(world.owners[0]!.state));
    expect(await world.files).to.deep.equal([]);
    expect(world.events).to.deep.equal(['floor 2', 'installed 1']);
  });

  it('goes on after a break where it stopped, at every piece, with whoever has the same snapshot', async () => {
    for (let broken = 0; broken < pieceCount; broken += 1) {
      world = new Pulling();
      world.tampering = (pieces, use) => (use === 1 ? brokenAfter(pieces, broken) : pieces);
      await world.pull();
      await expectInstalled();
      expect(world.requests[0]).to.deep.equal({ peer: 2, through: undefined, firstChunk: 0 });
      expect(world.requests[1], `after ${broken} pieces`).to.deep.include({
        peer: 3,
        through: broken === 0 ? undefined : 1,
        firstChunk: broken,
      });
    }
  });

  it('asks for the rest only of an owner that still has the snapshot, and begins anew with one that has moved on', async () => {
    applyAnother(world.owners[1]!.state);
    world.tampering = (pieces, use) => (use === 1 ? brokenAfter(pieces, 3) : pieces);
    await world.pull();
    await expectInstalled(2);
    expect(world.requests.map(({ peer, firstChunk }) => [peer, firstChunk])).to.deep.equal([
      [2, 0],
      [3, 3],
    ]);
  });

  it('asks for a piece again that came garbled, whichever it is, and takes nothing of it', async () => {
    for (let number = 0; number < pieceCount; number += 1) {
      world = new Pulling();
      world.tampering = (pieces, use) => (use === 1 ? garbled(pieces, number) : pieces);
      await world.pull();
      await expectInstalled();
      expect(world.requests[1]).to.deep.include({ firstChunk: number });
    }
  });

  it('begins the first snapshot anew when the first piece of another one came garbled', async () => {
    applyAnother(world.owners[1]!.state);
    world.tampering = (pieces, use) => {
      if (use === 1) return brokenAfter(pieces, 3);
      return use === 2 ? garbled(pieces, 0) : pieces;
    };
    await world.pull();
    await expectInstalled(1);
  });

  it('takes no piece out of order, none twice and none left out', async () => {
    for (const change of [1, -1]) {
      world = new Pulling();
      world.tampering = (pieces, use) =>
        use > 1
          ? pieces
          : withChunk(pieces, (chunk) =>
              chunk.number === 2 ? { ...chunk, number: chunk.number + change } : chunk,
            );
      await world.pull();
      await expectInstalled();
      expect(world.requests[1]).to.deep.include({ firstChunk: 2 });
    }
  });

  it('throws away a snapshot whose digest is wrong although every piece came whole, and asks for a new one', async () => {
    world.tampering = (pieces, use) =>
      use > 1
        ? pieces
        : withChunk(pieces, (chunk) => {
            const content = chunk.last ? flipped(chunk.content) : chunk.content;
            return { ...chunk, content, crc: crc32(content) };
          });
    await world.pull();
    await expectInstalled();
    expect(world.requests[1]).to.deep.include({ through: undefined, firstChunk: 0 });
  });

  it('throws away a snapshot that is of another slot than it was said to be', async () => {
    world.tampering = async function* (pieces, use) {
      for await (const { header, body } of pieces)
        yield { header, body: { ...body, through: use === 1 ? 7 : body.through } };
    };
    await world.pull();
    await expectInstalled();
    expect(world.requests[1]).to.deep.include({ through: undefined, firstChunk: 0 });
  });

  it('leaves a peer whose stream stands still for five seconds', async () => {
    world.tampering = async function* (pieces, use, signal) {
      let passed = 0;
      for await (const piece of pieces) {
        if (use === 1 && passed === 2) await world.clock.sleep(60_000, signal);
        if (signal.aborted) throw new Error('cancelled');
        passed += 1;
        yield piece;
      }
    };
    await world.pull();
    await expectInstalled();
    expect(world.clock.now()).to.be.within(5000, 6000);
    expect(world.requests[1]).to.deep.include({ peer: 3, firstChunk: 2 });
  });

  it('waits longer and longer between attempts, two seconds at most', async () => {
    const at: number[] = [];
    world.tampering = (pieces, use) => {
      at.push(world.clock.now());
      return use < 8 ? brokenAfter(pieces, 0) : pieces;
    };
    await world.pull();
    await expectInstalled();
    const waits = at.slice(1).map((time, index) => time - at[index]!);
    expect(waits).to.deep.equal([100, 200, 400, 800, 1600, 2000, 2000]);
  });

  it('leaves nothing on a full disk, and tries again until there is room', async () => {
    world.disk.capacityBytes = 20_000;
    world.tampering = (pieces, use) => {
      if (use === 4) world.disk.capacityBytes = Infinity;
      return pieces;
    };
    await world.pull();
    await expectInstalled();
    expect(world.requests.length).to.be.at.least(4);
  });

  it('stops the replica when the disk fails', async () => {
    const error = new Error('EIO');
    await world.open();
    world.disk.failNextSync(error);
    await world.pull();
    expect(world.failures).to.have.length(1);
    expect(world.failures[0]).to.be.instanceOf(StorageFailure);
    expect(world.state.applied).to.equal(undefined);
  });

  it('stops when the replica closes, wherever it is, and leaves nothing half written', async () => {
    for (let pieces = 0; pieces < pieceCount; pieces += 1) {
      world = new Pulling();
      const puller = await world.open();
      world.tampering = async function* (stream) {
        let passed = 0;
        for await (const piece of stream) {
          if (passed === pieces) void puller.close();
          passed += 1;
          yield piece;
        }
      };
      await world.pull();
      expect(world.failures).to.deep.equal([]);
      expect(world.requests).to.have.length(1);
      expect((await world.files).filter((name) => name.endsWith('.tmp'))).to.deep.equal([]);
    }
  });

  it('installs nothing that it has applied meanwhile', async () => {
    world.tampering = (pieces) =>
      withChunk(pieces, (chunk) => {
        if (chunk.last) world.applied = 1;
        return chunk;
      });
    await world.pull();
    expect(world.state.applied).to.equal(undefined);
    expect(world.events).to.not.include('snapshot-renamed');
    expect(await world.files).to.deep.equal([]);
  });

  it('goes on pulling until it has what it needs', async () => {
    world.tampering = (pieces, use) => {
      if (use === 2) applyAnother(world.owners[1]!.state);
      return pieces;
    };
    await world.pull(2);
    await expectInstalled(2);
    expect(world.requests.map(({ peer }) => peer)).to.deep.equal([2, 3]);
  });

  it('pulls nothing that is applied already', async () => {
    world.applied = 5;
    await world.pull(5);
    expect(world.requests).to.deep.equal([]);
  });
});
