import type { Ending } from './machine.js';
import type { MessageTrouble, Weather } from './network.js';

export const partitionShapes = [
  'full',
  'isolated',
  'one-way',
  'star',
  'constrained',
  'chained',
  'flapping',
  'swizzled',
] as const;

/** Which ways between hosts a partition cuts; `partitions.ts` says of each what it is. */
export type PartitionShape = (typeof partitionShapes)[number];

/** Whom a fault hits: whoever leads when it begins, if there is one, or the machine at `turn` in a list of those it can hit. */
export interface Victim {
  readonly preferLeader: boolean;
  readonly turn: number;
}

/** One thing that goes wrong in a world, from one moment on and for a while. */
export type Fault = {
  /** Counted from the moment from which faults may begin. */
  readonly atMs: number;
  readonly lastsMs: number;
  /** Of its own chance, so that a fault does the same whichever others there are. */
  readonly seed: number;
} & FaultKind;

/**
 * When exactly servers end: at once; while the disk of the victim syncs; or just when a message has left the victim, perhaps
 * a vote, or the answer to a client, which is then all that is known of it.
 */
export type CrashMoment = 'at-once' | 'syncing' | 'speaking' | 'answering';

export type FaultKind =
  | { readonly kind: 'partition'; readonly shape: PartitionShape; readonly victim: Victim }
  | { readonly kind: 'weather'; readonly weather: Weather }
  /** Messages of one name are lost, or take so much longer; all others pass. */
  | { readonly kind: 'message-trouble'; readonly name: string; readonly trouble: MessageTrouble }
  /** The process ends, or its machine loses power with all that was not synced; it starts again after a while. */
  | {
      readonly kind: 'crash';
      readonly ending: Ending;
      readonly moment: CrashMoment;
      readonly victim: Victim;
    }
  /** As `crash`, of all machines at once; they start again one after the other. */
  | {
      readonly kind: 'crash-all';
      readonly ending: Ending;
      readonly moment: CrashMoment;
      readonly victim: Victim;
    }
  | { readonly kind: 'pause'; readonly victim: Victim }
  | { readonly kind: 'clock-jump'; readonly byMs: number; readonly victim: Victim }
  | { readonly kind: 'slow-disk'; readonly slowSyncLimitMs: number; readonly victim: Victim }
  /** The next sync fails, and its server stops for good; somebody starts it again after a while. */
  | { readonly kind: 'sync-error'; readonly victim: Victim }
  | { readonly kind: 'full-disk'; readonly victim: Victim }
  /** The machine loses power, and bits of its log are flipped before it starts again. */
  | { readonly kind: 'damage'; readonly victim: Victim }
  /** The machine loses power, and comes back with an empty disk. */
  | { readonly kind: 'lost-directory'; readonly victim: Victim }
  /** Clients open so many sessions that others expire. */
  | { readonly kind: 'session-crowd'; readonly count: number };

/** One line that says what happens when. */
export function faultText(fault: Fault): string {
  const { atMs, lastsMs } = fault;
  return `${(atMs / 1000).toFixed(2)} s for ${(lastsMs / 1000).toFixed(2)} s: ${kindText(fault)}`;
}

function kindText(fault: FaultKind): string {
  switch (fault.kind) {
    case 'partition':
      return `${fault.shape} partition${of(fault.victim)}`;
    case 'weather': {
      const { loss, duplication, delayLimitMs, stragglers, stragglerLimitMs } = fault.weather;
      return (
        `weather: ${percent(loss)} lost, ${percent(duplication)} twice, up to ${delayLimitMs.toFixed(0)} ms under way, ` +
        `${percent(stragglers)} up to ${stragglerLimitMs.toFixed(0)} ms`
      );
    }
    case 'crash':
      return `${fault.ending === 'power' ? 'power cut' : 'crash'}${of(fault.victim)}${momentText(fault.moment)}`;
    case 'crash-all': {
      const what = fault.ending === 'power' ? 'power cut of all machines' : 'crash of all servers';
      return fault.moment === 'at-once' ? what : `${what},${of(fault.victim)}${momentText(fault.moment)}`;
    }
    case 'clock-jump':
      return `clock jumps by ${fault.byMs.toFixed(0)} ms${of(fault.victim)}`;
    case 'slow-disk':
      return `syncs take up to ${fault.slowSyncLimitMs.toFixed(0)} ms${of(fault.victim)}`;
    case 'message-trouble': {
      const { lost, delayMs } = fault.trouble;
      return `every message "${fault.name}" ${lost ? 'is lost' : `takes ${delayMs.toFixed(0)} ms longer`}`;
    }
    case 'session-crowd':
      return `${fault.count} sessions are opened`;
    default:
      return `${fault.kind}${of(fault.victim)}`;
  }
}

const momentText = (moment: CrashMoment): string =>
  ({
    'at-once': '',
    syncing: ' while it syncs',
    speaking: ' when a message has left it',
    answering: ' when it has answered a client',
  })[moment];
const of = ({ preferLeader, turn }: Victim): string =>
  preferLeader ? ' of the leader' : ` of a server (turn ${turn})`;
const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
