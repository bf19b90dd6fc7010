import { startViewService } from '../server/start-view-service.js';
import type { ExitCode } from './exit-codes.js';
import type { LogLevel } from './log-level.js';
import { pinoLogger } from './pino-logger.js';
import { viewServiceLine } from './replica-line.js';
import { runServer } from './run-server.js';
import type { Terminal } from './terminal.js';

export interface ViewdFlags {
  readonly listen: string;
  /** Milliseconds. */
  readonly pingInterval: number;
  readonly deadPings: number;
  readonly logLevel: LogLevel;
}

/** Runs the view service until it is told to stop (seed 003). @throws CommandFailure */
export const viewdCommand = (flags: ViewdFlags, terminal: Terminal): Promise<ExitCode> =>
  runServer(
    {
      name: 'viewd',
      start: () =>
        startViewService({
          address: flags.listen,
          pingIntervalMs: flags.pingInterval,
          deadPings: flags.deadPings,
          logger: pinoLogger(flags.logLevel, { viewService: flags.listen }),
        }),
      note:
        'the view service is the one process that everything depends on: it keeps nothing on disk, and must not be ' +
        'restarted while servers run, for they refuse any other than the one they know',
      line: viewServiceLine,
    },
    terminal,
  );
