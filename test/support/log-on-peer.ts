import type { Batch } from '../../src/log/batch.js';
import { replicaId } from '../../src/log/ids.js';
import { encodeBatch } from '../../src/log/wire.js';
import type { Decide, PaxosRecord } from '../../src/paxos/messages.js';
import { PaxosLog, type PaxosLogOptions } from '../../src/paxos/paxos-log.js';
import type { PaxosPeerOptions } from '../../src/paxos/peer.js';
import { seededRandom } from '../../src/runtime/random.js';
import type { Journal } from '../../src/storage/journal.js';
import { turns } from './fake-clock.js';
import { textOf, valueOf } from './paxos-values.js';
import { peerWorld, type PeerWorld } from './peer-world.js';
import { incarnationOf } from './rosters.js';

/** A log of texts on the peer of a `PeerWorld`. */
export interface LogOnPeer extends PeerWorld {
  readonly log: PaxosLog<string>;
  /** What was applied, as `slot text`. */
  readonly applied: string[];
  /** What the state says it has recorded, by command. */
  readonly recorded: Map<string, string>;
  /** Lets so many milliseconds pass. */
  readonly afterMs: (ms: number) => Promise<void>;
}

export interface LogOnPeerOptions {
  readonly journal?: Journal<PaxosRecord>;
  readonly peer?: Partial<PaxosPeerOptions>;
  readonly log?: Partial<PaxosLogOptions<string>>;
}

export function logOnPeer({ journal, peer, log }: LogOnPeerOptions = {}): LogOnPeer {
  const world = peerWorld(journal, peer);
  const applied: string[] = [];
  const recorded = new Map<string, string>();
  return {
    ...world,
    applied,
    recorded,
    log: new PaxosLog({
      peer: world.peer,
      clock: world.clock,
      random: seededRandom(1),
      fatal: (error) => world.failures.push(error),
      stateMachine: {
        apply: (slot, commands) =>
          commands.map((command) => {
            applied.push(`${slot} ${textOf(command)}`);
            return `${textOf(command)} at ${slot}`;
          }),
        recorded: (command) => recorded.get(textOf(command)),
      },
      ...log,
    }),
    afterMs: async (ms) => {
      for (let passedMs = 0; passedMs < ms; passedMs += 10) {
        world.clock.advance(10);
        await turns();
      }
    },
  };
}

/** A batch as a replica of these tests makes it. */
export const batchOf = (origin: number, number: number, ...commands: string[]): Batch => ({
  origin: replicaId(origin),
  incarnation: incarnationOf(origin),
  number,
  commands: commands.map(valueOf),
});

export const decisionOf = (slot: number, batch: Batch): Decide => ({ slot, value: encodeBatch(batch) });

/** Batches of replica 2, one a slot. */
export const decisions = (first: number, last: number): Decide[] =>
  Array.from({ length: last - first + 1 }, (_, index) =>
    decisionOf(first + index, batchOf(2, first + index + 1, `command ${first + index}`)),
  );
