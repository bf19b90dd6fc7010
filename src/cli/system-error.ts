import { getSystemErrorMap } from 'node:util';

/** Whether the operating system refused with this code, `ENOENT` for instance. */
export const isSystemError = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code;

/** Why the operating system refused, in its words: `permission denied`. */
export function systemErrorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const known = 'errno' in error && typeof error.errno === 'number' && getSystemErrorMap().get(error.errno);
  return known ? known[1] : error.message;
}
