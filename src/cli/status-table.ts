import { formatDuration } from './duration.js';
import { formatSize } from './size.js';
import type { EndpointStatus, ReachableStatus } from './status-report.js';

const headings = [
  'ID',
  'ADDRESS',
  'REACHABLE',
  'SERVING',
  'ENGINE',
  'LEADER',
  'VIEW',
  'MIN',
  'MAX',
  'APPLIED',
  'SESSIONS',
  'DONE',
  'CHECKPOINT',
  'STORAGE',
  'LAST HEARD',
];
const none = '-';

const yesOrNo = (value: boolean): string => (value ? 'yes' : 'no');
const slotText = (slot: number | null): string => (slot === null ? none : String(slot));

/** The status of all endpoints as lines of text: a table, then what went wrong. */
export function statusTable(statuses: readonly EndpointStatus[]): string {
  const rows = [headings, ...statuses.map((status) => rowOf(status, statuses))];
  const widths = headings.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const table = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...table, ...statuses.flatMap(troublesOf)].map((line) => `${line}\n`).join('');
}

function rowOf(status: EndpointStatus, statuses: readonly EndpointStatus[]): string[] {
  const { endpoint } = status;
  if (!status.reachable) {
    const known = statuses
      .flatMap((other) => (other.reachable ? other.peers : []))
      .find(({ address }) => address === endpoint);
    const id = known === undefined ? none : String(known.id);
    return [id, endpoint, yesOrNo(false), ...headings.slice(3).map(() => none)];
  }
  return [
    status.id === 0 ? none : String(status.id),
    endpoint,
    yesOrNo(true),
    yesOrNo(status.serving),
    status.engine,
    leaderText(status),
    viewText(status),
    String(status.min),
    slotText(status.max),
    slotText(status.applied),
    String(status.sessions),
    doneText(status),
    checkpointText(status),
    storageText(status),
    heardText(status),
  ];
}

/** Who leads and with which ballot. */
function leaderText({ leader }: ReachableStatus): string {
  if (leader === null) return none;
  return leader.id === null ? 'unknown' : `${leader.id}:${leader.ballot}`;
}

/** Which view it knows, and what it does in it. */
const viewText = ({ view }: ReachableStatus): string =>
  view === null ? none : `${view.viewNumber}:${view.role}`;

const doneText = ({ peers }: ReachableStatus): string =>
  peers.map(({ id, doneThrough }) => `${id}:${slotText(doneThrough)}`).join(' ') || none;

const shownDigestLetters = 8;

const checkpointText = ({ agreedCheckpoint: checkpoint }: ReachableStatus): string =>
  checkpoint === null ? none : `${checkpoint.slot}:${checkpoint.digest.slice(0, shownDigestLetters)}`;

/** The slot of the durable snapshot and what the log takes beside it. */
function storageText({ storage }: ReachableStatus): string {
  if (storage === null) return 'memory';
  const { snapshotThrough, logBytes, hasSpace } = storage;
  return `${slotText(snapshotThrough)}+${formatSize(logBytes)}${hasSpace ? '' : ' FULL'}`;
}

const heardText = ({ id: self, peers }: ReachableStatus): string =>
  peers
    .filter(({ id }) => id !== self)
    .map(({ id, lastHeardMsAgo }) => {
      return `${id}:${lastHeardMsAgo === null ? 'never' : formatDuration(lastHeardMsAgo)}`;
    })
    .join(' ') || none;

function troublesOf(status: EndpointStatus): string[] {
  if (!status.reachable) return [`${status.endpoint}: ${status.problem}`];
  const counts = Object.entries(status.refusals)
    .filter(([, count]) => count > 0)
    .map(([cause, count]) => `${cause} ${count}`);
  const name = status.id === 0 ? `server ${status.address}` : `replica ${status.id}`;
  return [
    ...(status.trouble === '' ? [] : [`${name}: ${status.trouble}`]),
    ...(counts.length === 0 ? [] : [`${name} refused messages: ${counts.join(', ')}`]),
    ...status.peers
      .filter(({ refusal }) => refusal !== '')
      .map((peer) => `${name} and replica ${peer.id}: ${peer.refusal}`),
  ];
}
