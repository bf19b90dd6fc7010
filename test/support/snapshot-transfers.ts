import { encodeCommand } from '../../src/kv/command.js';
import { defaultSessionParameters } from '../../src/kv/limits.js';
import { KeyValueStateMachine } from '../../src/kv/state-machine.js';
import { replicaId } from '../../src/log/ids.js';
import { SnapshotSource } from '../../src/server/snapshot-source.js';
import type { SnapshotPiece } from '../../src/server/snapshot-transfer.js';
import { session, writeCommand } from './commands.js';
import type { FakeClock } from './fake-clock.js';
import { rosterOf } from './rosters.js';

/** So many that their snapshot has several pieces of entries. */
const keyCount = 2500;

/** A state at slot 1 whose snapshot has six pieces: opening, sessions, three of entries, closing. */
export function stateWithPieces(): KeyValueStateMachine {
  const state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
  state.apply(0, [encodeCommand({ kind: 'open-session' })]);
  const writes = Array.from({ length: keyCount }, (_, index) =>
    encodeCommand(writeCommand(session(1, index + 1, index), 'put', `key ${index}`, `value ${index}`)),
  );
  state.apply(1, writes);
  return state;
}

export const pieceCount = 6;

/** Changes the state in its next slot. */
export function applyAnother(state: KeyValueStateMachine): number {
  const slot = (state.applied ?? -1) + 1;
  const command = writeCommand(session(1, keyCount + slot, keyCount + slot - 1), 'put', `slot ${slot}`, 'x');
  state.apply(slot, [encodeCommand(command)]);
  return slot;
}

/** A replica that hands out its state. */
export interface Owner {
  readonly state: KeyValueStateMachine;
  readonly source: SnapshotSource;
  /** Why it may not. */
  unfit: string | undefined;
}

/** Replica `id` of three as the owner of a state. */
export function ownerOf(id: number, clock: FakeClock, state = stateWithPieces()): Owner {
  const owner: { -readonly [Key in keyof Owner]?: Owner[Key] } = { state, unfit: undefined };
  const made = Object.assign(owner, {
    source: new SnapshotSource({
      roster: rosterOf(id, 3, clock),
      state,
      clock,
      unfit: () => owner.unfit,
    }),
  });
  return made as Owner;
}

/** What replica 1 asks replica `owner` for. */
export const pullRequest = (
  owner: number,
  clock: FakeClock,
  through: number | undefined,
  firstChunk: number,
) => rosterOf(1, 3, clock).envelope(replicaId(owner), { through, firstChunk });

/** Reads a stream to its end while the clock runs. */
export async function collected<Item>(clock: FakeClock, items: AsyncIterable<Item>): Promise<Item[]> {
  const progress: { found: Item[]; outcome: 'reading' | 'ended' | Error } = { found: [], outcome: 'reading' };
  const read = async () => {
    for await (const item of items) progress.found.push(item);
  };
  read().then(
    () => (progress.outcome = 'ended'),
    (error: unknown) => (progress.outcome = error as Error),
  );
  await clock.runUntil(() => progress.outcome !== 'reading', 60_000);
  if (progress.outcome instanceof Error) throw progress.outcome;
  return progress.found;
}

/** Builds a state from pieces; fails unless they are a whole snapshot. */
export function builtFrom(pieces: readonly SnapshotPiece[]): KeyValueStateMachine {
  const state = new KeyValueStateMachine({ sessionParameters: defaultSessionParameters });
  const builder = state.builder();
  for (const { chunk } of pieces) builder.take(chunk.content);
  builder.finish();
  builder.install();
  return state;
}
