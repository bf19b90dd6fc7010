import { access } from 'node:fs/promises';
import type { MemberOption } from '../server/members.js';
import { restoreSnapshot, saveSnapshot } from '../server/snapshot-backup-service.js';
import { CommandFailure } from './command-failure.js';
import { replicaAddresses } from './dev-command.js';
import { namesIn, replicaDirectory, writeLayout } from './dev-data.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import type { Engine } from './flags.js';
import { printJson } from './key-value-commands.js';
import { formatSize } from './size.js';
import { restoreFailure, saveFailure } from './snapshot-failure.js';
import { whenAborted, type Terminal } from './terminal.js';
import { viewLine } from './view-line.js';
import { askViewService } from './view-status-service.js';

export interface SaveFlags {
  readonly endpoints: readonly string[];
  /** The address of the view service whose primary is asked, in place of endpoints. */
  readonly viewService?: string;
  /** Milliseconds. */
  readonly timeout: number;
  readonly json?: boolean;
  readonly force?: boolean;
}

export interface RestoreFlags {
  readonly dataDir: string;
  readonly id?: number;
  readonly peers?: readonly MemberOption[];
  readonly replicas?: number;
  readonly port: number;
  readonly engine: Engine;
  readonly json?: boolean;
}

/** Saves the whole state to a file. @throws CommandFailure */
export async function saveCommand(file: string, flags: SaveFlags, terminal: Terminal): Promise<ExitCode> {
  if (!flags.force && (await exists(file))) {
    throw new CommandFailure({
      kind: 'usage',
      message: `${file} is there already; choose another name, or replace it with --force`,
    });
  }
  const { timeout: timeoutMs } = flags;
  const endpoints = await endpointsToAsk(flags, terminal);
  const progress = progressOf('saved', flags, terminal);
  try {
    const signal = terminal.interrupted;
    const saved = await saveSnapshot({ endpoints, path: file, timeoutMs, signal, progress: progress.show });
    progress.end();
    const { through, keys, bytes, digest, endpoint } = saved;
    printResult({ file, through, keys, bytes, digest, endpoint }, flags, terminal);
    return exitCodes.done;
  } catch (error) {
    progress.end();
    const { viewService } = flags;
    const asked =
      viewService === undefined
        ? endpoints
        : endpoints.map((endpoint) => `${endpoint}, primary by view service ${viewService}`);
    const interrupted = terminal.interrupted.aborted;
    throw saveFailure(error, { file, endpoints: asked, timeoutMs, interrupted });
  }
}

/** Only the primary has a state that no answered write is missing from. @throws CommandFailure */
async function endpointsToAsk(
  { endpoints, viewService, timeout: timeoutMs }: SaveFlags,
  terminal: Terminal,
): Promise<readonly string[]> {
  if (viewService === undefined) return endpoints;
  const { report } = await askViewService(viewService, { timeoutMs, signal: terminal.interrupted });
  if (report.primary !== null) return [report.primary];
  const problem = report.trouble === '' ? viewLine(report) : report.trouble;
  throw new CommandFailure({
    kind: 'unreachable',
    message: `there is no primary to ask (view service ${viewService}: ${problem}); nothing was saved`,
    endpoints: [{ endpoint: viewService, problem }],
  });
}

/** Makes data directories of a new cluster from a file. @throws CommandFailure */
export async function restoreCommand(
  file: string,
  flags: RestoreFlags,
  terminal: Terminal,
): Promise<ExitCode> {
  const { dataDir, engine } = flags;
  const target = targetOf(flags);
  if (!(await exists(file))) throw new CommandFailure({ kind: 'usage', message: `there is no file ${file}` });
  const names = await namesIn(dataDir);
  if (names.length > 0) {
    throw new CommandFailure({
      kind: 'directory-refused',
      message: `${dataDir} is not empty (it has ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}); choose an empty or new directory`,
    });
  }
  const progress = progressOf('restored', flags, terminal);
  const interrupted = whenAborted(terminal.interrupted).then(() => {
    const message = `interrupted; ${dataDir} is not complete: remove it`;
    throw new CommandFailure({ kind: 'interrupted', message });
  });
  try {
    const restored = await Promise.race([restoreAll(file, engine, target, progress.show), interrupted]);
    const { through, keys, digest, clusterId } = restored;
    if (target.layout !== undefined) await writeLayout(dataDir, { clusterId, engine, ...target.layout });
    progress.end();
    printResult({ file, through, keys, digest, clusterId }, flags, terminal);
    if (!flags.json) terminal.note(target.next(clusterId));
    return exitCodes.done;
  } catch (error) {
    progress.end();
    throw restoreFailure(error, file);
  }
}

type Restored = Awaited<ReturnType<typeof restoreSnapshot>>;

/** Makes one directory after the other; all are told the same. */
async function restoreAll(
  path: string,
  engine: Engine,
  { peers, directories }: Target,
  progress: (bytes: number) => void,
): Promise<Restored> {
  let restored: Restored | undefined;
  for (const { id, directory: dataDirectory } of directories) {
    restored = await restoreSnapshot({ path, dataDirectory, id, peers, engine, progress });
  }
  if (restored === undefined) throw new Error('there is no replica to restore');
  return restored;
}

/** What a restore makes. */
interface Target {
  readonly peers: readonly MemberOption[];
  readonly directories: readonly { readonly id: number; readonly directory: string }[];
  /** Of a whole cluster for `dev`. */
  readonly layout: { readonly replicas: number; readonly port: number } | undefined;
  /** What to run next. */
  readonly next: (clusterId: string) => string;
}

/** @throws CommandFailure unless the flags say one replica or a whole cluster */
function targetOf({ dataDir, id, peers, replicas, port, engine }: RestoreFlags): Target {
  if (replicas !== undefined) {
    const members = replicaAddresses({ port, replicas }).map((address, index) => ({
      id: index + 1,
      address,
    }));
    return {
      peers: members,
      directories: members.map((member) => ({
        id: member.id,
        directory: replicaDirectory(dataDir, member.id),
      })),
      layout: { replicas, port },
      next: () =>
        `now run it:\n  npx synod dev --data-dir ${dataDir} --replicas ${replicas} --port ${port} --engine ${engine}`,
    };
  }
  if (id === undefined || peers === undefined) {
    throw new CommandFailure({
      kind: 'usage',
      message: 'say which replica this is with --id and --peers, or restore a whole cluster with --replicas',
    });
  }
  const list = peers.map((peer) => `${peer.id}=${peer.address}`).join(',');
  return {
    peers,
    directories: [{ id, directory: dataDir }],
    layout: undefined,
    next: (clusterId) =>
      'restore the other replicas from the same file, and run each, this one with:\n' +
      `  npx synod serve --id ${id} --peers ${list} --cluster-id ${clusterId} --engine ${engine} --data-dir ${dataDir}`,
  };
}

/** Prints fields as an object, or each on a line of its own. */
function printResult(
  fields: Readonly<Record<string, string | number>>,
  { json }: { readonly json?: boolean },
  terminal: Terminal,
): void {
  if (json) {
    printJson(terminal, fields);
    return;
  }
  const width = Math.max(...Object.keys(fields).map(({ length }) => length));
  for (const [name, value] of Object.entries(fields)) {
    terminal.out(`${name.padEnd(width)}  ${value}\n`);
  }
}

/** Shows bytes as they come; with --json nothing is shown. */
function progressOf(
  verb: string,
  { json }: { readonly json?: boolean },
  terminal: Terminal,
): { readonly show: (bytes: number) => void; readonly end: () => void } {
  return {
    show: (bytes) => json ?? terminal.progress(`${verb} ${formatSize(bytes)}`),
    end: () => json ?? terminal.progress(''),
  };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
