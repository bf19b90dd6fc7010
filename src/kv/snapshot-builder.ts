import type { Slot } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import type { SnapshotBuilder } from '../log/state-machine.js';
import { digestOf, Hash } from './digest.js';
import { describeSessionParameters, stateVersions, type SessionParameters } from './limits.js';
import { Sessions } from './sessions.js';
import { formatVersion, InvalidSnapshot, pieceLimitBytes, type Opening } from './snapshot-parts.js';
import { SnapshotReader } from './snapshot-reader.js';
import { decodePart, encodePart } from './snapshot-wire.js';
import { hex, sealOf } from './snapshot.js';
import { Store } from './store.js';

/** A state as built from a snapshot. */
export interface BuiltState {
  readonly store: Store;
  readonly sessions: Sessions;
  readonly stateVersion: number;
  readonly through: Slot | undefined;
}

type Phase =
  | { readonly kind: 'building' }
  | { readonly kind: 'finished'; readonly state: BuiltState }
  | { readonly kind: 'over'; readonly why: string };

function checkOpening(opening: Opening, own: SessionParameters): void {
  if (opening.formatVersion !== formatVersion) {
    throw new InvalidSnapshot(
      `its format version is ${opening.formatVersion}; this version reads ${formatVersion}`,
    );
  }
  const { minimum, maximum } = stateVersions;
  if (opening.stateVersion < minimum || opening.stateVersion > maximum) {
    throw new InvalidSnapshot(
      `its state version is ${opening.stateVersion}; this version applies ${minimum} to ${maximum}`,
    );
  }
  const theirs = describeSessionParameters(opening.sessionParameters);
  if (theirs !== describeSessionParameters(own)) {
    throw new InvalidSnapshot(
      `its session parameters are ${theirs}; ours are ${describeSessionParameters(own)}`,
    );
  }
}

/** What the first piece of a snapshot says of it. @throws Error if it is no opening */
export function openingOf(piece: Uint8Array): Opening {
  const part = decodePart(piece);
  if (part.kind !== 'opening') throw new InvalidSnapshot(`it begins with ${part.kind}, not with its opening`);
  return part.opening;
}

/** Builds a state from the pieces of a snapshot, beside the one in use. After an error it takes nothing more. */
export class StateBuilder implements SnapshotBuilder {
  readonly #store = new Store();
  readonly #reader: SnapshotReader;
  #sessions: Sessions;
  /** Of all pieces but the closing. */
  readonly #hash = new Hash();
  #members: readonly Member[] | undefined;
  #phase: Phase = { kind: 'building' };

  /** @param place puts the state in the place of the one in use */
  constructor(
    private readonly sessionParameters: SessionParameters,
    private readonly place: (state: BuiltState) => void,
  ) {
    this.#sessions = new Sessions(sessionParameters);
    this.#reader = new SnapshotReader({
      opening: (opening) => this.#open(opening),
      session: (session) => this.#sessions.restore(session),
      entry: (key, value) => this.#store.restore(key, value),
    });
  }

  /** The members in force at the snapshot's slot; undefined before its first piece. Nobody has compared them. */
  get members(): readonly Member[] | undefined {
    return this.#members;
  }

  take(chunk: Uint8Array): void {
    this.#whileBuilding(() => {
      if (chunk.length > pieceLimitBytes) {
        throw new InvalidSnapshot(`a piece has ${chunk.length} bytes; the limit is ${pieceLimitBytes}`);
      }
      const part = decodePart(chunk);
      this.#reader.take(part);
      if (part.kind !== 'closing') {
        this.#hash.bytes(chunk);
      } else if (Buffer.compare(encodePart(part), chunk) !== 0) {
        throw new InvalidSnapshot('its end is not as it was written');
      }
    });
  }

  finish(): { readonly through: Slot | undefined; readonly digest: Uint8Array } {
    return this.#whileBuilding(() => {
      const { whole } = this.#reader;
      if (whole === undefined) throw new InvalidSnapshot('it has no end');
      const { stateVersion, through } = whole.opening;
      const digest = digestOf({ store: this.#store, sessions: this.#sessions, stateVersion });
      const seal = sealOf(digest, this.#hash);
      if (Buffer.compare(seal, whole.seal) !== 0) {
        throw new InvalidSnapshot(
          `its digest and hash are ${hex(whole.seal)}; those of what was read are ${hex(seal)}`,
        );
      }
      this.#phase = {
        kind: 'finished',
        state: { store: this.#store, sessions: this.#sessions, stateVersion, through },
      };
      return { through, digest };
    });
  }

  install(): void {
    if (this.#phase.kind !== 'finished')
      throw new Error('only a snapshot that was finished can be installed');
    this.place(this.#phase.state);
    this.#phase = { kind: 'over', why: 'it was installed' };
  }

  #open(opening: Opening): void {
    checkOpening(opening, this.sessionParameters);
    this.#members = opening.members;
    this.#sessions = new Sessions(this.sessionParameters, {
      nextClientId: opening.nextClientId,
      uses: opening.sessionUses,
    });
  }

  #whileBuilding<Value>(work: () => Value): Value {
    if (this.#phase.kind !== 'building') {
      const why = this.#phase.kind === 'over' ? this.#phase.why : 'it was finished';
      throw new Error(`the snapshot takes no more pieces: ${why}`);
    }
    try {
      return work();
    } catch (error) {
      this.#phase = { kind: 'over', why: String(error) };
      throw error;
    }
  }
}
