import type { DoneEntry } from '../../src/log/done-map.js';
import type { Header } from '../../src/log/header.js';
import { incarnation, replicaId, type ReplicaId } from '../../src/log/ids.js';
import { Roster, type Member, type RosterOptions } from '../../src/log/roster.js';
import type { Clock } from '../../src/runtime/clock.js';
import { FakeClock } from './fake-clock.js';

export const clusterId = 'cluster-of-tests';

/** The incarnation that each replica has in these tests. */
export const incarnationOf = (id: number) => incarnation(`process-${id}`);

/** Replicas 1 to `memberCount`. */
export const membersOf = (memberCount: number): Member[] =>
  Array.from({ length: memberCount }, (_, index) => ({
    id: replicaId(index + 1),
    address: `127.0.0.1:${8001 + index}`,
  }));

/** The roster that replica `me` of so many keeps. */
export const rosterOf = (
  me: number,
  memberCount: number,
  clock: Clock = new FakeClock(),
  introductions: RosterOptions['introductions'] = 'none',
  refused: (message: string) => void = () => undefined,
): Roster =>
  new Roster({
    members: membersOf(memberCount),
    me: replicaId(me),
    clusterId,
    incarnation: incarnationOf(me),
    clock,
    introductions,
    refused,
  });

/** A header that replica 1 of these tests takes from replica 2, but for what `changes` says. */
export const headerOf = (changes: Partial<Header> = {}): Header => ({
  protocolVersion: 1,
  clusterId,
  groupId: 0,
  configEpoch: 0,
  from: replicaId(2),
  to: replicaId(1),
  incarnation: incarnationOf(2),
  bootCounter: 0,
  done: [],
  learnedThrough: undefined,
  durableLsn: 0,
  ...changes,
});

/** A header from one replica to another. */
export const headerBetween = (from: number, to: number, done: readonly DoneEntry[] = []): Header =>
  headerOf({ from: replicaId(from), to: replicaId(to), incarnation: incarnationOf(from), done });

export const doneEntry = (replica: number, through: number | undefined): DoneEntry => ({
  replica: replicaId(replica),
  incarnation: incarnationOf(replica),
  through,
});

export const idsOf = (...ids: number[]): ReplicaId[] => ids.map(replicaId);
