import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  Clerk,
  ClerkError,
  startReplica,
  type RunningReplica,
  type StartReplicaOptions,
} from '../../src/index.js';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import type { RefusalCause } from '../../src/log/roster.js';
import { UnknownIncarnation } from '../../src/server/admission.js';
import { rejection } from '../support/rejection.js';
import { until } from '../support/until.js';

const helloIntervalMs = 50;

/** Waits until `condition` holds. */
const eventually = (what: string, condition: () => boolean): Promise<true> =>
  until(what, 10_000, () => condition() || undefined);

const refusals = (replica: RunningReplica, cause: RefusalCause): number =>
  replica.status().refusals.get(cause) ?? 0;

const refusalOf = (replica: RunningReplica, peer: number): string =>
  replica.status().peers.find(({ id }) => id === peer)?.refusal ?? '';

describe('replicas that do not belong together', () => {
  let directory: string;
  let running: RunningReplica[];

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-identity-'));
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((replica) => replica.close()));
    await rm(directory, { recursive: true, force: true });
  });

  const address = (id: number): string => `unix:${join(directory, `${id}.sock`)}`;
  const members = (...ids: readonly number[]) => ids.map((id) => ({ id, address: address(id) }));
  const start = async (id: number, options: Partial<StartReplicaOptions> = {}): Promise<RunningReplica> => {
    const replica = await startReplica({ id, peers: members(1, 2, 3), helloIntervalMs, ...options });
    running.push(replica);
    return replica;
  };
  const write = async (replica: RunningReplica, timeoutMs: number): Promise<void> => {
    const clerk = new Clerk({ endpoints: [replica.address] });
    try {
      await clerk.put('k', 'v', { timeoutMs });
    } finally {
      await clerk.close();
    }
  };
  /** Each refuses the other, counts it, shows why, and they agree on nothing. */
  const expectRefused = async (
    [first, second]: readonly [RunningReplica, RunningReplica],
    cause: RefusalCause,
    ...named: readonly string[]
  ): Promise<void> => {
    for (const [one, other] of [
      [first, second],
      [second, first],
    ] as const) {
      await eventually(`replica ${one.id} refuses`, () => refusals(one, cause) > 0);
      await eventually(`replica ${one.id} shows why`, () =>
        named.every((part) => refusalOf(one, other.id).includes(part)),
      );
      expect(one.status().peers.find(({ id }) => id === other.id)?.lastHeardMsAgo).to.equal(undefined);
      expect(one.serving).to.equal(false);
      const error = await rejection(write(one, 400), ClerkError);
      expect(error.kind).to.equal('timed-out');
      expect(one.status().log.applied).to.equal(undefined);
    }
  };

  it('refuse each other over the cluster id', async () => {
    const pair = [await start(1, { clusterId: 'red' }), await start(2, { clusterId: 'blue' })] as const;
    await expectRefused(pair, 'wrong-cluster', 'red', 'blue');
  });

  it('refuse each other over the list of members, though told the same cluster id', async () => {
    const pair = [
      await start(1, { clusterId: 'red' }),
      await start(2, { clusterId: 'red', peers: members(1, 2, 4) }),
    ] as const;
    await expectRefused(pair, 'different-identity', 'members', `3=${address(3)}`, `4=${address(4)}`);
  });

  it('refuse each other over a list of members of another length', async () => {
    const pair = [
      await start(1, { clusterId: 'red' }),
      await start(2, { clusterId: 'red', peers: members(1, 2, 3, 4) }),
    ] as const;
    await expectRefused(pair, 'different-identity', 'members', `4=${address(4)}`);
  });

  it('refuse each other over the parameters of sessions, though told the same cluster id', async () => {
    const sessionParameters = { ...defaultSessionParameters, sequenceWindow: 512 };
    const pair = [
      await start(1, { clusterId: 'red' }),
      await start(2, { clusterId: 'red', sessionParameters }),
    ] as const;
    await expectRefused(pair, 'different-identity', 'session parameters', 'window 512', 'window 1024');
  });

  it('refuse each other over members or parameters also when nobody named a cluster', async () => {
    const pair = [await start(1), await start(2, { peers: members(1, 2, 4) })] as const;
    await expectRefused(pair, 'wrong-cluster');
  });

  it('work together when they do belong together, in whatever order their members were written', async () => {
    const all = [await start(1), await start(2, { peers: members(3, 2, 1) }), await start(3)] as const;
    await write(all[1], 5000);
    for (const replica of all) expect(replica.status().refusals.size).to.equal(0);
  });

  it('refuse one that comes back under its id without its memory', async () => {
    const [one, two, three] = [await start(1), await start(2), await start(3)];
    await write(three, 5000);
    const { incarnation: before } = three.status();
    await three.close();
    const failures: unknown[] = [];
    const returned = await start(3, { onFailure: (error) => failures.push(error) });
    const { incarnation: after } = returned.status();
    expect(after).to.not.equal(before);
    for (const replica of [one, two]) {
      await eventually(`replica ${replica.id} refuses`, () => refusals(replica, 'changed-incarnation') > 0);
      await eventually(`replica ${replica.id} shows why`, () => refusalOf(replica, 3).includes(after));
      expect(refusalOf(replica, 3)).to.include(before);
    }
    await eventually('the refused one stops', () => failures.length > 0);
    expect(failures).to.have.length(1);
    const [failure] = failures;
    if (!(failure instanceof UnknownIncarnation))
      throw new Error(`it stopped for another reason: ${String(failure)}`);
    expect(failure.message).to.include(before).and.include(after).and.include('synod snapshot save');
    // The two others go on without it, and by itself it changes nothing and learns nothing.
    await write(one, 5000);
    await rejection(write(returned, 400), ClerkError);
    expect(returned.status().log.applied).to.equal(undefined);
    expect(returned.serving, 'nobody takes its votes').to.equal(false);
    // Nor does its vote count for one of the others.
    await two.close();
    const error = await rejection(write(one, 1000), ClerkError);
    expect(error.kind).to.equal('timed-out');
  });
});
