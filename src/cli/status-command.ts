import { CommandFailure } from './command-failure.js';
import { exitCodes, type ExitCode } from './exit-codes.js';
import { printJson, type ClientFlags } from './key-value-commands.js';
import type { EndpointStatus, UnreachableStatus } from './status-report.js';
import { StatusClient } from './status-service.js';
import { statusTable } from './status-table.js';
import type { Terminal } from './terminal.js';

/** Prints how every endpoint stands; done as soon as one of them answers. @throws CommandFailure */
export async function statusCommand(flags: ClientFlags, terminal: Terminal): Promise<ExitCode> {
  const statuses = await Promise.all(flags.endpoints.map((endpoint) => ask(endpoint, flags, terminal)));
  if (terminal.interrupted.aborted) throw new CommandFailure({ kind: 'interrupted', message: 'interrupted' });
  const unreachable = statuses.filter((status) => !status.reachable);
  if (unreachable.length === statuses.length) throw nobodyAnswers(unreachable);
  if (flags.json) printJson(terminal, { replicas: statuses });
  else terminal.out(statusTable(statuses));
  return exitCodes.done;
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
