import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { KeyValueStateMachine } from '../../src/kv/state-machine.js';
import { replicaId } from '../../src/log/ids.js';
import { PeerRefusal } from '../../src/log/roster.js';
import { CallError } from '../../src/rpc/call-error.js';
import type { SnapshotPiece } from '../../src/server/snapshot-transfer.js';
import { FakeClock, turns } from '../support/fake-clock.js';
import { digestHex } from '../support/key-value-states.js';
import { rejection } from '../support/rejection.js';
import { rosterOf } from '../support/rosters.js';
import {
  applyAnother,
  builtFrom,
  collected,
  ownerOf,
  pieceCount,
  pullRequest,
  type Owner,
} from '../support/snapshot-transfers.js';

const one = replicaId(1);
const emptyState = () => new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });

describe('the source of snapshots', () => {
  let clock: FakeClock;
  let owner: Owner;

  beforeEach(() => {
    clock = new FakeClock();
    owner = ownerOf(2, clock);
  });

  const stream = (through?: number, firstChunk = 0, signal = new AbortController().signal) =>
    owner.source.handlePull(pullRequest(2, clock, through, firstChunk), signal);
  const pull = async (through?: number, firstChunk = 0): Promise<SnapshotPiece[]> =>
    (await collected(clock, stream(through, firstChunk))).map(({ body }) => body);

  it('hands out the state in numbered pieces with their check sums, the last one marked', async () => {
    const pieces = await pull();
    expect(pieces).to.have.length(pieceCount);
    expect(pieces.map(({ chunk }) => chunk.number)).to.deep.equal([0, 1, 2, 3, 4, 5]);
    expect(pieces.map(({ chunk }) => chunk.last)).to.deep.equal([false, false, false, false, false, true]);
    for (const { through, chunk } of pieces) {
      expect(through).to.equal(1);
      expect(chunk.crc).to.equal(crc32(chunk.content));
    }
    expect(digestHex(builtFrom(pieces))).to.equal(digestHex(owner.state));
  });

  it('hands out the state as it stood when asked, although it goes on changing', async () => {
    const before = digestHex(owner.state);
    const pieces: SnapshotPiece[] = [];
    const read = async () => {
      for await (const { body } of stream()) {
        pieces.push(body);
        applyAnother(owner.state);
      }
    };
    const reading = read();
    await clock.runUntil(() => pieces.length === pieceCount, 1000);
    await clock.runUntil(() => clock.waiting === 0, 1000);
    await reading;
    expect(digestHex(owner.state)).to.not.equal(before);
    expect(digestHex(builtFrom(pieces))).to.equal(before);
  });

  it('goes on from every piece with the same bytes, also after the state has changed', async () => {
    const all = await pull();
    for (let first = 0; first < pieceCount; first += 1) {
      applyAnother(owner.state);
      expect(await pull(1, first), `from piece ${first}`).to.deep.equal(all.slice(first));
    }
  });

  it('begins anew when asked to go on with a snapshot that it does not hand out', async () => {
    await pull();
    const slot = applyAnother(owner.state);
    for (const unknown of [undefined, 0, 99]) {
      const pieces = await pull(unknown, 3);
      expect(pieces).to.have.length(pieceCount);
      expect(pieces[0]?.through).to.equal(slot);
      expect(digestHex(builtFrom(pieces))).to.equal(digestHex(owner.state));
    }
  });

  it('has the log kept for a transfer, for ten minutes at most; then it begins anew', async () => {
    await pull();
    applyAnother(owner.state);
    expect(owner.source.transfersFrom()).to.deep.equal([1]);
    clock.advance(10 * 60_000 - 1);
    expect(owner.source.transfersFrom()).to.deep.equal([1]);
    expect((await pull(1, 5))[0]?.through).to.equal(1);
    clock.advance(2);
    expect(owner.source.transfersFrom()).to.deep.equal([]);
    const again = await pull(1, 5);
    expect(again).to.have.length(pieceCount);
    expect(again[0]?.through).to.equal(2);
  });

  it('lets the log go when the peer has learned what follows the snapshot', async () => {
    await pull();
    owner.source.learned(replicaId(3), 5);
    owner.source.learned(one, 1);
    expect(owner.source.transfersFrom()).to.deep.equal([1]);
    owner.source.learned(one, 2);
    expect(owner.source.transfersFrom()).to.deep.equal([]);
  });

  it('keeps one transfer for each peer', async () => {
    await pull();
    applyAnother(owner.state);
    const request = rosterOf(3, 3, clock).envelope(replicaId(2), { through: undefined, firstChunk: 0 });
    await collected(clock, owner.source.handlePull(request, new AbortController().signal));
    expect(owner.source.transfersFrom()).to.deep.equal([1, 2]);
  });

  it('refuses while it may not, while it has applied nothing, and whom its roster refuses', async () => {
    owner.unfit = 'no majority shares a checkpoint';
    expect((await rejection(pull(), PeerRefusal)).message).to.include('no majority shares');
    owner.unfit = undefined;
    const stranger = pullRequest(3, clock, undefined, 0);
    const refused = collected(clock, owner.source.handlePull(stranger, new AbortController().signal));
    expect((await rejection(refused, PeerRefusal)).refusal).to.equal('wrong-receiver');
    owner = ownerOf(2, clock, emptyState());
    expect((await rejection(pull(), PeerRefusal)).message).to.include('applied nothing');
    expect(owner.source.transfersFrom()).to.deep.equal([]);
  });

  it('stops in the middle when the receiver has gone', async () => {
    const gone = new AbortController();
    const pieces: unknown[] = [];
    const read = async () => {
      for await (const piece of stream(undefined, 0, gone.signal)) {
        pieces.push(piece);
        if (pieces.length === 2) gone.abort();
      }
    };
    const reading = read();
    await clock.runUntil(() => gone.signal.aborted, 1000);
    await clock.runUntil(() => clock.waiting === 0, 1000);
    await reading;
    expect(pieces).to.have.length(2);
  });

  it('hands a backup the state as it stands, if there is any', async () => {
    expect(digestHex(builtFrom(await collected(clock, owner.source.pieces())))).to.equal(
      digestHex(owner.state),
    );
    expect(owner.source.transfersFrom(), 'no log is kept for it').to.deep.equal([]);
    owner = ownerOf(2, clock, emptyState());
    const error = await rejection(collected(clock, owner.source.pieces()), CallError);
    expect(error.code).to.equal('UNAVAILABLE');
    await turns();
  });
});
