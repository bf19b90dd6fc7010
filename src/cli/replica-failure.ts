import { ListenError } from '../rpc/server.js';
import { UnusableDirectory } from '../server/directories.js';
import { OptionsError } from '../server/members.js';
import {
  DirectoryInUse,
  DirectoryMismatch,
  StorageDamage,
  StorageFailure,
  UnknownIncarnation,
} from '../server/storage-errors.js';
import { CommandFailure, type FailureKind } from './command-failure.js';
import { failureOf } from './failure-of.js';

type ErrorClass = abstract new (...args: never[]) => Error;

/** What each error of a replica is to the command; another one is a fault of the software. */
const kinds: readonly (readonly [ErrorClass, FailureKind])[] = [
  [OptionsError, 'usage'],
  [ListenError, 'cannot-listen'],
  [StorageDamage, 'storage-failed'],
  [StorageFailure, 'storage-failed'],
  [UnusableDirectory, 'directory-refused'],
  [DirectoryMismatch, 'directory-refused'],
  [DirectoryInUse, 'directory-refused'],
  [UnknownIncarnation, 'directory-refused'],
];

/** Why a replica did not start. */
export function startFailure(error: unknown): CommandFailure {
  const kind = kindOf(error);
  if (kind === undefined) return failureOf(error);
  return new CommandFailure({
    kind,
    message: error instanceof ListenError ? listenText(error) : messageOf(error),
  });
}

/** Why a replica that ran had to stop. */
export const stopFailure = (error: unknown): CommandFailure =>
  new CommandFailure({ kind: kindOf(error) ?? 'internal', message: messageOf(error) });

const kindOf = (error: unknown): FailureKind | undefined =>
  kinds.find(([errorClass]) => error instanceof errorClass)?.[1];

const messageOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).replaceAll(/\s*\n\s*/g, ' ').trim();

function listenText({ address, message }: ListenError): string {
  if (message.includes('EADDRINUSE')) return `cannot listen on ${address}: the address is in use`;
  if (message.includes('EADDRNOTAVAIL')) return `cannot listen on ${address}: it is not of this machine`;
  if (message.includes('EACCES')) return `cannot listen on ${address}: permission denied`;
  return message.replaceAll(/\s+/g, ' ');
}
