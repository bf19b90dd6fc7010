import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Client } from '@grpc/grpc-js';
import { expect } from 'chai';
import fc from 'fast-check';
import type { Header } from '../../gen/synod/peer/v1/header.js';
import {
  AcceptRequest,
  DecideRequest,
  LearnRequest,
  PaxosPeerServiceService as definition,
  PrepareRequest,
} from '../../gen/synod/paxos/v1/paxos.js';
import { headerToWire } from '../../src/log/header-wire.js';
import { replicaId } from '../../src/log/ids.js';
import { limits } from '../../src/log/limits.js';
import { parseAddress } from '../../src/rpc/address.js';
import { CallError } from '../../src/rpc/call-error.js';
import { openChannel, unaryCall } from '../../src/rpc/channel.js';
import { makePaxosPeer, type RunningPaxosPeer } from '../../src/server/start-paxos-peer.js';
import { rawMethod } from '../support/raw-method.js';
import { rejection } from '../support/rejection.js';
import { textOf, valueOf } from '../support/paxos-values.js';

const timeoutMs = 5000;
const paths = Object.values(definition).map(({ path }) => path);

describe('a Paxos peer that is sent garbled messages over gRPC', () => {
  let directory: string;
  let peers: RunningPaxosPeer[];
  let channel: Client;
  let nextSlot = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-garbled-'));
    const members = [1, 2, 3].map((id) => ({ id, address: `unix:${join(directory, `${id}.sock`)}` }));
    peers = await Promise.all(members.map(({ id }) => makePaxosPeer({ peers: members, me: id })));
    channel = openChannel(parseAddress(members[0]!.address), { between: 'client-and-replica' });
  });

  after(async () => {
    channel.close();
    await Promise.all(peers.map((peer) => peer.close()));
    await rm(directory, { recursive: true });
  });

  const victim = () => peers[0]!.peer;
  const refusals = (cause: 'garbled' | 'wrong-cluster') => victim().roster.refusals.get(cause) ?? 0;

  const send = (path: string, bytes: Uint8Array): Promise<unknown> =>
    unaryCall(channel, rawMethod(path))(Buffer.from(bytes), { timeoutMs });

  /** The header that replica 2 would send now. */
  const header = (): Header => headerToWire(peers[1]!.peer.roster.envelope(replicaId(1), undefined).header);

  const refusesAsGarbled = async (path: string, bytes: Uint8Array): Promise<void> => {
    const before = refusals('garbled');
    const error = await rejection(send(path, bytes), CallError);
    expect(error).to.deep.include({ code: 'INVALID_ARGUMENT', reason: 'BAD_REQUEST' });
    expect(refusals('garbled')).to.equal(before + 1);
  };

  afterEach('it keeps working', async () => {
    const slot = nextSlot;
    nextSlot += 1;
    const [proposer] = peers;
    proposer!.peer.start(slot, valueOf(`value of ${slot}`));
    for (const { peer } of peers) {
      for (let waited = 0; waited < 500 && peer.status(slot).kind === 'pending'; waited += 1) {
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      const status = peer.status(slot);
      expect(status.kind === 'decided' && textOf(status.value)).to.equal(`value of ${slot}`);
    }
    expect(victim().max(), 'a garbled message left a slot behind').to.equal(slot);
  });

  const ballot = { round: 1, replicaId: 2 };
  const value = Buffer.from('value');
  const lead = limits.plausibleLead;

  it('refuses a message without a header', async () => {
    const headerless = { header: undefined, slot: 1, ballot, value };
    await refusesAsGarbled(definition.prepare.path, PrepareRequest.encode(headerless).finish());
    await refusesAsGarbled(definition.accept.path, AcceptRequest.encode(headerless).finish());
    await refusesAsGarbled(definition.decide.path, DecideRequest.encode(headerless).finish());
    const learn = { header: undefined, firstSlot: 0, lastSlot: 0 };
    await refusesAsGarbled(definition.learn.path, LearnRequest.encode(learn).finish());
  });

  it('refuses a message whose header is empty or of no replica', async () => {
    for (const changes of [{ from: 0 }, { to: 0 }, { incarnation: '' }, { protocolVersion: 0 }]) {
      const request = { header: { ...header(), ...changes }, slot: 0, value };
      await refusesAsGarbled(definition.decide.path, DecideRequest.encode(request).finish());
    }
  });

  it('refuses Prepare and Accept without a ballot, or with one that is none', async () => {
    for (const none of [undefined, { round: 0, replicaId: 2 }, { round: 1, replicaId: 0 }]) {
      const request = { header: header(), slot: 0, ballot: none, value };
      await refusesAsGarbled(definition.prepare.path, PrepareRequest.encode(request).finish());
      await refusesAsGarbled(definition.accept.path, AcceptRequest.encode(request).finish());
    }
  });

  it('refuses slots and rounds that are implausibly far ahead', async () => {
    const farSlot = { header: header(), slot: victim().max() + lead + 1, ballot, value };
    const farRound = { header: header(), slot: 0, ballot: { round: lead + 1, replicaId: 2 }, value };
    for (const request of [farSlot, farRound]) {
      await refusesAsGarbled(definition.prepare.path, PrepareRequest.encode(request).finish());
      await refusesAsGarbled(definition.accept.path, AcceptRequest.encode(request).finish());
    }
    await refusesAsGarbled(definition.decide.path, DecideRequest.encode(farSlot).finish());
    const learn = { header: header(), firstSlot: farSlot.slot, lastSlot: farSlot.slot };
    await refusesAsGarbled(definition.learn.path, LearnRequest.encode(learn).finish());
  });

  it('refuses slots that are no safe integers', async () => {
    const slotField = 0x10;
    const tooLarge = [slotField, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    for (const path of paths) await refusesAsGarbled(path, Uint8Array.from(tooLarge));
  });

  it('refuses a message that was cut short', async () => {
    const whole = AcceptRequest.encode({ header: header(), slot: 5, ballot, value }).finish();
    for (let length = 1; length < whole.length - value.length - 2; length += 7) {
      await refusesAsGarbled(definition.accept.path, whole.subarray(0, length));
    }
  });

  it('refuses random bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...paths), fc.uint8Array({ maxLength: 300 }), refusesAsGarbled),
      { numRuns: 200 },
    );
  });

  it('refuses a message of another cluster, and counts it as such', async () => {
    const before = refusals('wrong-cluster');
    const request = { header: { ...header(), clusterId: 'another' }, slot: 0, ballot, value };
    const error = await rejection(
      send(definition.accept.path, AcceptRequest.encode(request).finish()),
      CallError,
    );
    expect(error).to.deep.include({ code: 'FAILED_PRECONDITION', reason: 'PEER_REFUSED' });
    expect(error.message).to.include('another');
    expect(refusals('wrong-cluster')).to.equal(before + 1);
  });

  it('counts nothing that is in order', () => {
    for (const { peer } of peers.slice(1)) expect([...peer.roster.refusals]).to.deep.equal([]);
  });
});
