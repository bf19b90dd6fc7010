import { pino } from 'pino';
import type { LogFields, Logger } from '../runtime/logger.js';
import type { LogLevel } from './log-level.js';

/**
 * A logger of JSON lines on standard error.
 * @param base fields of every line
 */
export function pinoLogger(level: LogLevel, base: LogFields): Logger {
  // Written at once: a replica that dies takes no lines with it.
  const destination = pino.destination({ dest: 2, sync: true });
  const logger = pino(
    {
      level,
      base: { ...base },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  return {
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
  };
}
