import type { AnyEngineName } from '../server/engine.js';
import { partitionShapes } from './fault.js';

/** Names of the tally that are shown together. */
export interface KindGroup {
  readonly title: string;
  readonly names: readonly string[];
}

const partitions = partitionShapes.map((shape) => `partition ${shape}`);

/** Faults of every engine's envelope. */
const faultsEverywhere = [
  'fault weather',
  'fault crash',
  'fault pause',
  'fault clock-jump',
  'fault session-crowd',
];
/** Faults of machines with disks. */
const faultsOnDisks = [
  'fault crash-all',
  'fault slow-disk',
  'fault sync-error',
  'fault full-disk',
  'fault damage',
  'fault lost-directory',
];

/** What follows from faults, on every engine. */
const everywhere = ['messages lost', 'messages duplicated', 'operations unknown', 'sessions expired'];

const ofVoters = [
  'fault message-trouble',
  'crashes',
  'power cuts',
  'writes lost',
  'torn writes',
  'a snapshot is written',
  'a snapshot is pulled',
  'a snapshot is installed',
  'segments dropped',
  'servers that stopped themselves',
  'replicas that stay away',
];

const kinds: Record<AnyEngineName, readonly string[]> = {
  paxos: [...partitions, ...faultsEverywhere, ...faultsOnDisks, ...everywhere, ...ofVoters, 'log cuts'],
  omnipaxos: [...partitions, ...faultsEverywhere, ...faultsOnDisks, ...everywhere, ...ofVoters, 'elections'],
  'primary-backup': [
    ...partitions,
    ...faultsEverywhere,
    ...everywhere,
    'crashes',
    'power cuts',
    'elections',
    'a snapshot is installed',
    'worlds outside the envelope',
  ],
};

/** Everything that must happen in many worlds of an engine, or its simulation has lost a part of its reach. */
export const kindsOf = (engine: AnyEngineName): readonly string[] => kinds[engine];

/** The names there are, for people. What is in none of them is of the servers' own logs, or new. */
export const kindGroups: readonly KindGroup[] = [
  {
    title: 'operations',
    names: [
      'operations finished',
      'operations unknown',
      'operations certainly not executed',
      'calls that ended unknown: timed-out',
      'calls that ended unknown: session-ended',
      'calls that did not execute: timed-out',
    ],
  },
  { title: 'partitions', names: partitions },
  { title: 'faults', names: ['faults', ...faultsEverywhere, 'fault message-trouble', ...faultsOnDisks] },
  { title: 'network', names: ['messages delivered', 'messages lost', 'messages duplicated'] },
  {
    title: 'machines',
    names: [
      'crashes',
      'power cuts',
      'writes lost',
      'torn writes',
      'servers that stopped themselves',
      'replicas that stay away',
    ],
  },
  {
    title: 'replicated state',
    names: [
      'slots',
      'elections',
      'log cuts',
      'segments dropped',
      'a snapshot is written',
      'a snapshot is pulled',
      'a snapshot is installed',
      'a snapshot transfer broke',
      'sessions crowded',
      'sessions expired',
      'worlds outside the envelope',
    ],
  },
];
