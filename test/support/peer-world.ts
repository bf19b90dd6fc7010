import { expect } from 'chai';
import type { DoneEntry } from '../../src/log/done-map.js';
import type { Enveloped } from '../../src/log/header.js';
import { replicaId } from '../../src/log/ids.js';
import type { PaxosRecord, Vote } from '../../src/paxos/messages.js';
import { PaxosPeer, type PaxosPeerOptions } from '../../src/paxos/peer.js';
import { seededRandom } from '../../src/runtime/random.js';
import { memoryJournal, type Journal } from '../../src/storage/journal.js';
import { FakePeer } from './fake-peer.js';
import { FakeClock, turns } from './fake-clock.js';
import { textOf } from './paxos-values.js';
import { doneEntry, headerBetween, rosterOf } from './rosters.js';

/** Replica 1 of three, with a clock that stands still; replicas 2 and 3 are faked. */
export interface PeerWorld {
  readonly peer: PaxosPeer;
  readonly clock: FakeClock;
  readonly two: FakePeer;
  readonly three: FakePeer;
  readonly others: readonly FakePeer[];
  /** What the peer said it had to stop for. */
  readonly failures: unknown[];
}

/** @param changes to the options that the peer of a world has otherwise */
export function peerWorld(
  journal: Journal<PaxosRecord> = memoryJournal(),
  changes: Partial<PaxosPeerOptions> = {},
): PeerWorld {
  const clock = new FakeClock();
  const [two, three] = [new FakePeer(2, 1), new FakePeer(3, 1)];
  const others = [two, three];
  const failures: unknown[] = [];
  const peer = new PaxosPeer({
    roster: rosterOf(1, 3, clock),
    links: new Map(others.map(({ id, link }) => [replicaId(id), link])),
    journal,
    clock,
    random: seededRandom(1),
    fatal: (error) => failures.push(error),
    ...changes,
  });
  return { peer, clock, two, three, others, failures };
}

/** A message of replica 2. */
export const fromTwo = <Body>(body: Body, done: readonly DoneEntry[] = []): Enveloped<Body> => ({
  header: headerBetween(2, 1, done),
  body,
});

/** Makes the peer forget every slot through `through`, by the word of all three. */
export async function forgetThrough({ peer }: PeerWorld, through: number): Promise<void> {
  peer.done(through);
  const done = [doneEntry(2, through), doneEntry(3, through)];
  await peer.handleLearn(fromTwo({ firstSlot: 0, lastSlot: 0 }, done));
  expect(peer.min()).to.equal(through + 1);
  await turns();
}

/** Makes both fakes promise, telling of `vote`, and agree to everything after. */
export function agreeToAll({ others }: PeerWorld, vote?: Vote): void {
  for (const { answers } of others) {
    answers.prepare = () => ({ kind: 'promise', vote });
    answers.accept = () => ({ kind: 'accept-ok' });
    answers.decide = () => ({ kind: 'decide-ok' });
  }
}

/** The decided value of a slot as text, if this peer knows it. */
export function decidedText(peer: PaxosPeer, slot: number): string | undefined {
  const status = peer.status(slot);
  return status.kind === 'decided' ? textOf(status.value) : undefined;
}
