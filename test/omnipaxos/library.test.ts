import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  ListenError,
  makeOmnipaxosPeer,
  makePaxosPeer,
  OptionsError,
  type Decision,
  type RunningOmnipaxosPeer,
} from '../../src/index.js';
import { DirectoryMismatch } from '../../src/server/identity.js';
import { rejection } from '../support/rejection.js';
import { waitUntil } from '../scenarios/wait-until.js';

const limitMs = 10_000;
/** Of a leader that lasts as long as a test, on a busy machine too. */
const electionTimeoutMs = 500;

const textOf = ({ slot, value }: Decision): string => `${slot}: ${Buffer.from(value).toString()}`;

describe('the OmniPaxos library over gRPC', () => {
  let directory: string;
  const running = new Set<RunningOmnipaxosPeer>();

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'synod-library-'));
  });
  afterEach(async () => {
    await Promise.all([...running].map((peer) => peer.close()));
    running.clear();
    await rm(directory, { recursive: true });
  });

  const members = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      id: index + 1,
      address: `unix:${join(directory, `${index + 1}.sock`)}`,
    }));

  const make = async (count: number, me: number, dataDirectory?: string): Promise<RunningOmnipaxosPeer> => {
    const peer = await makeOmnipaxosPeer({
      peers: members(count),
      me,
      electionTimeoutMs,
      ...(dataDirectory === undefined ? {} : { dataDirectory }),
    });
    running.add(peer);
    return peer;
  };

  const close = async (peer: RunningOmnipaxosPeer): Promise<void> => {
    running.delete(peer);
    await peer.close();
  };

  const leaderOf = async (peers: readonly RunningOmnipaxosPeer[]): Promise<RunningOmnipaxosPeer> => {
    let lasting: RunningOmnipaxosPeer | undefined;
    // Of two that began at the same time the first is deposed by the second, and what it was given is lost.
    await waitUntil('a peer leads, and all others follow it', limitMs, () => {
      lasting = peers.find((leader) => {
        const follows = ({ peer: { leadership } }: RunningOmnipaxosPeer) =>
          leadership.kind === 'following' && leadership.leader === leader.peer.roster.me;
        return (
          leader.peer.leadership.kind === 'leading' && peers.every((peer) => peer === leader || follows(peer))
        );
      });
      return lasting !== undefined;
    });
    return lasting!;
  };

  /** The first decisions that a peer tells. */
  const take = async (peer: RunningOmnipaxosPeer, count: number): Promise<string[]> => {
    const told: string[] = [];
    for await (const decision of peer.decisions({ signal: AbortSignal.timeout(limitMs) })) {
      told.push(textOf(decision));
      if (told.length === count) break;
    }
    return told;
  };

  it('tells every peer what its leader was given, and refuses it elsewhere', async () => {
    const peers = [await make(3, 1), await make(3, 2), await make(3, 3)];
    const leader = await leaderOf(peers);
    const follower = peers.find((peer) => peer !== leader)!;
    expect(follower.peer.proposal(Buffer.from('elsewhere')).kind).to.equal('not-leader');
    const outcomes = ['a', 'b', 'c'].map((text) => leader.peer.proposal(Buffer.from(text)));
    expect(outcomes.map((outcome) => outcome.kind === 'proposed' && outcome.slot)).to.deep.equal([0, 1, 2]);
    for (const peer of peers) expect(await take(peer, 3)).to.deep.equal(['0: a', '1: b', '2: c']);
  });

  it('goes on from its directory, and tells again what was decided', async () => {
    const dataDirectory = join(directory, 'data');
    const first = await make(1, 1, dataDirectory);
    await leaderOf([first]);
    for (const text of ['a', 'b']) first.peer.proposal(Buffer.from(text));
    await take(first, 2);
    await close(first);

    const second = await make(1, 1, dataDirectory);
    expect(second.peer.isRecovered).to.equal(true);
    await leaderOf([second]);
    second.peer.proposal(Buffer.from('c'));
    expect(await take(second, 3)).to.deep.equal(['0: a', '1: b', '2: c']);
  });

  it('ends its apply stream when it is closed', async () => {
    const only = await make(1, 1);
    const reading = only.decisions()[Symbol.asyncIterator]().next();
    await close(only);
    expect(await reading).to.deep.equal({ value: undefined, done: true });
  });

  it('refuses a directory of the other library', async () => {
    const options = { peers: members(1), me: 1, dataDirectory: join(directory, 'data') };
    const paxos = await makePaxosPeer(options);
    await paxos.close();
    const error = await rejection(makeOmnipaxosPeer(options), DirectoryMismatch);
    expect(error.message).to.include('paxos-library').and.include('omnipaxos-library');
  });

  it('gives everything back when it cannot be made', async () => {
    const options = { peers: members(1), me: 1, dataDirectory: join(directory, 'data') };
    await rejection(makeOmnipaxosPeer({ ...options, electionTimeoutMs: 0 }), OptionsError);
    await rejection(makeOmnipaxosPeer({ ...options, me: 2 }), OptionsError);
    const blocker = await make(1, 1);
    await rejection(makeOmnipaxosPeer(options), ListenError);
    await close(blocker);
    await leaderOf([await make(1, 1, options.dataDirectory)]);
  });
});
