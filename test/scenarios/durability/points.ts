/** The moments that a replica names as it passes them, from receiving a message to cutting the log. */
export const points = [
  'prepare-received',
  'promise-synced',
  'accept-received',
  'vote-synced',
  'round-synced',
  'prepare-sent',
  'accept-sent',
  'decided',
  'learned',
  'decide-sent',
  'decided-synced',
  'proposed',
  'applied',
  'reply-settled',
  'barrier-asked',
  'barrier-passed',
  'frame-begun',
  'frame-written',
  'frame-synced',
  'floor-synced',
  'forgotten',
  'segment-claimed',
  'recovery-segment-synced',
  'recovery-segment-renamed',
  'snapshot-begun',
  'snapshot-chunk-written',
  'snapshot-synced',
  'snapshot-renamed',
  'snapshot-removed',
  'segment-opened',
  'first-segment-recorded',
  'segment-dropped',
  'installed',
] as const;

export type Point = (typeof points)[number];

export const isPoint = (name: string): name is Point => points.some((point) => point === name);

/** How often each point was passed. */
export type PointCounts = Readonly<Record<Point, number>>;
