import type { Enveloped } from '../log/header.js';
import type { ReplicaId, Slot } from '../log/ids.js';
import { PeerRefusal, type Roster } from '../log/roster.js';
import { numberedChunks } from '../log/snapshot-chunks.js';
import type { PortableState, StateSnapshot } from '../log/state-machine.js';
import { CallError } from '../rpc/call-error.js';
import type { Clock } from '../runtime/clock.js';
import type { PullRequest, SnapshotPiece } from './snapshot-transfer.js';

/** The log is kept this long for a transfer; then it must restart from a newer snapshot (rule R12). */
const transferLimitMs = 10 * 60_000;

interface Transfer {
  readonly through: Slot;
  readonly snapshot: StateSnapshot;
  readonly beganAtMs: number;
}

export interface SnapshotSourceOptions {
  readonly roster: Roster;
  readonly state: PortableState;
  readonly clock: Clock;
  /** Why this replica may not serve its state now (rule R13), or undefined. */
  readonly unfit: () => string | undefined;
}

const unavailable = (message: string): CallError =>
  new CallError({ code: 'UNAVAILABLE', reason: 'NOT_PROPOSED', message });

/** The state as it stands now, piece by piece, for a backup. @throws CallError if there is none yet */
export async function* statePieces(state: PortableState, clock: Clock): AsyncIterable<SnapshotPiece> {
  const snapshot = state.snapshot();
  const { through } = snapshot;
  if (through === undefined) throw unavailable('nothing has been applied yet, so there is nothing to save');
  for (const chunk of numberedChunks(snapshot, 0)) {
    yield { through, chunk };
    await clock.sleep(0);
  }
}

/** Serves snapshots to peers that have fallen behind the floor: consistent, taken at the slot applied when asked. */
export class SnapshotSource {
  readonly #options: SnapshotSourceOptions;
  readonly #transfers = new Map<ReplicaId, Transfer>();

  constructor(options: SnapshotSourceOptions) {
    this.#options = options;
  }

  /** The slots after which the log is needed by transfers that run. */
  transfersFrom(): Slot[] {
    for (const [peer, { beganAtMs }] of this.#transfers) {
      if (this.#options.clock.now() - beganAtMs > transferLimitMs) this.#transfers.delete(peer);
    }
    return [...this.#transfers.values()].map(({ through }) => through);
  }

  /** A peer has learned through this slot: its transfer up to there is over. */
  learned(peer: ReplicaId, through: Slot): void {
    const transfer = this.#transfers.get(peer);
    if (transfer !== undefined && through > transfer.through) this.#transfers.delete(peer);
  }

  /** @throws PeerRefusal */
  async *handlePull(
    { header, body }: Enveloped<PullRequest>,
    signal: AbortSignal,
  ): AsyncIterable<Enveloped<SnapshotPiece>> {
    const { roster, clock, unfit } = this.#options;
    roster.admit(header);
    const problem = unfit();
    if (problem !== undefined) throw new PeerRefusal('closed', problem);
    const transfer = this.#transferTo(header.from, body.through);
    const first = transfer.through === body.through ? body.firstChunk : 0;
    for (const chunk of numberedChunks(transfer.snapshot, first)) {
      if (signal.aborted) return;
      yield roster.envelope(header.from, { through: transfer.through, chunk });
      await clock.sleep(0);
    }
  }

  /** The state as it stands now, for a backup. @throws CallError if there is none yet */
  pieces(): AsyncIterable<SnapshotPiece> {
    const { state, clock } = this.#options;
    return statePieces(state, clock);
  }

  #transferTo(peer: ReplicaId, wanted: Slot | undefined): Transfer {
    this.transfersFrom();
    const known = this.#transfers.get(peer);
    if (known !== undefined && known.through === wanted) return known;
    const snapshot = this.#options.state.snapshot();
    if (snapshot.through === undefined) {
      throw new PeerRefusal('closed', `replica ${this.#options.roster.me} has applied nothing yet`);
    }
    const fresh = { through: snapshot.through, snapshot, beganAtMs: this.#options.clock.now() };
    this.#transfers.set(peer, fresh);
    return fresh;
  }
}
