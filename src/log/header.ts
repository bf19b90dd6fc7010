import type { DoneEntry } from './done-map.js';
import type { Incarnation, ReplicaId, Slot } from './ids.js';

/** Refused together with every message that bears another one. */
export const protocolVersion = 1;

/** Opens every message between replicas, requests and replies alike. */
export interface Header {
  readonly protocolVersion: number;
  readonly clusterId: string;
  readonly groupId: number;
  readonly configEpoch: number;
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly incarnation: Incarnation;
  readonly bootCounter: number;
  readonly done: readonly DoneEntry[];
  /** Every slot up to this one is learned by the sender. */
  readonly learnedThrough: Slot | undefined;
  readonly durableLsn: number;
}

/** A message between replicas: its header and what it says. */
export interface Enveloped<Body> {
  readonly header: Header;
  readonly body: Body;
}
