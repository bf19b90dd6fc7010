import type { Enveloped } from '../log/header.js';
import type { Incarnation, ReplicaId, Slot } from '../log/ids.js';
import type { Member, PeerLog } from '../log/roster.js';
import { describeSessionParameters, type SessionParameters } from '../kv/limits.js';
import type { Call } from '../rpc/link.js';

/** What makes a replica one of its cluster; any difference is refused (rule R11). */
export interface Identity {
  readonly engine: string;
  readonly members: readonly Member[];
  readonly sessionParameters: SessionParameters;
}

/** The state's digest after a slot that the log itself names (rule R13). */
export interface Checkpoint {
  readonly slot: Slot;
  readonly digest: Uint8Array;
}

/** By which incarnation the sender has a replica on record, and how far it has heard that one's log to reach. */
export interface HelloPin extends PeerLog {
  readonly replica: ReplicaId;
  readonly incarnation: Incarnation;
}

/** What replicas tell each other at a fixed interval, whatever their engine. */
export interface Hello extends Identity {
  /** The highest slot voted for or known decided. */
  readonly reach: Slot | undefined;
  readonly applied: Slot | undefined;
  /** The state versions the sender can apply, and the one in force there. */
  readonly minimumStateVersion: number;
  readonly maximumStateVersion: number;
  readonly stateVersion: number;
  /** The last checkpoint the sender has passed. */
  readonly checkpoint: Checkpoint | undefined;
  readonly pins: readonly HelloPin[];
}

export interface HelloLink {
  readonly hello: Call<Enveloped<Hello>, Enveloped<Hello>>;
}

const describeMembers = (members: readonly Member[]): string =>
  members.map(({ id, address }) => `${id}=${address}`).join(',');

/** How `theirs` differs from `ours`, naming both, or undefined. */
export function identityProblem(ours: Identity, theirs: Identity): string | undefined {
  const differences = [
    ['engine', ours.engine, theirs.engine],
    ['members', describeMembers(ours.members), describeMembers(theirs.members)],
    [
      'session parameters',
      describeSessionParameters(ours.sessionParameters),
      describeSessionParameters(theirs.sessionParameters),
    ],
  ] as const;
  const different = differences.find(([, own, other]) => own !== other);
  return different && `its ${different[0]} are ${different[2]}; ours are ${different[1]}`;
}
