import { CommandFailure } from './command-failure.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { printJson, type ClientFlags } from './key-value-commands.js';
import type { EndpointStatus, UnreachableStatus } from './status-report.js';
import { StatusClient } from './status-service.js';
import { statusTable } from './status-table.js';
import type { Terminal } from './terminal.js';
import { viewLine, viewTroubles } from './view-line.js';
import { askViewService } from './view-status-service.js';

/**
 * Prints how every endpoint stands; done as soon as one of them answers. Of a view service it prints the view, and how
 * the servers stand that it knows; done as soon as it answers.
 * @throws CommandFailure
 */
export async function statusCommand(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  return flags.viewService === undefined
    ? await endpointsStatus(flags, terminal)
    : await viewStatus(flags.viewService, flags, terminal);
}

async function endpointsStatus(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  const statuses = await askAll(flags.endpoints, flags, terminal);
  const unreachable = statuses.filter((status) => !status.reachable);
  if (unreachable.length === statuses.length) throw nobodyAnswers(unreachable);
  if (flags.json) printJson(terminal, { replicas: statuses });
  else terminal.out(statusTable(statuses));
  return exitCodes.done;
}

async function viewStatus(viewService: string, flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  const options = { timeoutMs: flags.timeout, signal: terminal.interrupted };
  const { report, servers } = await askViewService(viewService, options);
  const statuses = await askAll(servers, flags, terminal);
  if (flags.json) {
    printJson(terminal, { view: report, replicas: statuses });
    return exitCodes.done;
  }
  terminal.out(`${viewLine(report)}\n`);
  if (statuses.length > 0) terminal.out(statusTable(statuses));
  for (const line of viewTroubles(report)) terminal.out(`${line}\n`);
  return exitCodes.done;
}

async function askAll(
  endpoints: readonly string[],
  flags: ClientFlags,
  terminal: Terminal,
): Promise<EndpointStatus[]> {
  const statuses = await Promise.all(endpoints.map((endpoint) => ask(endpoint, flags, terminal)));
  if (terminal.interrupted.aborted) throw new CommandFailure({ kind: 'interrupted', message: 'interrupted' });
  return statuses;
}

async function ask(endpoint: string, flags: ClientFlags, terminal: Terminal): Promise<EndpointStatus> {
  const client = new StatusClient(endpoint);
  try {
    return await client.ask({ timeoutMs: flags.timeout, signal: terminal.interrupted });
  } finally {
    client.close();
  }
}

const nobodyAnswers = (unreachable: readonly UnreachableStatus[]): CommandFailure => {
  const tried = unreachable.map(({ endpoint, problem }) => `${endpoint}: ${problem}`).join('; ');
  return new CommandFailure({
    kind: 'unreachable',
    message: `no replica answers (${tried})`,
    endpoints: unreachable.map(({ endpoint, problem }) => ({ endpoint, problem })),
  });
};
