declare const brand: unique symbol;

/** Where servers and clients reach a server; its name in views. */
export type ServerAddress = string & { readonly [brand]: 'ServerAddress' };

/** Names one process of a server. */
export type ServerIncarnation = string & { readonly [brand]: 'ServerIncarnation' };

/** Names one process of the view service; views of two of them have nothing to do with each other (rule R16). */
export type ViewServiceIncarnation = string & { readonly [brand]: 'ViewServiceIncarnation' };

const isOfLength = (value: string, limit: number): boolean => value.length > 0 && value.length <= limit;

/** Longer than any path of a socket, or name of a host with its port. */
const addressLimit = 512;
const incarnationLimit = 64;

const isServerAddress = (value: string): value is ServerAddress => isOfLength(value, addressLimit);
const isServerIncarnation = (value: string): value is ServerIncarnation =>
  isOfLength(value, incarnationLimit);
const isViewServiceIncarnation = (value: string): value is ViewServiceIncarnation =>
  isOfLength(value, incarnationLimit);

/** @throws RangeError if it is empty or longer than 512 characters */
export function serverAddress(value: string): ServerAddress {
  if (!isServerAddress(value))
    throw new RangeError(`server "${value}" is not of 1 to ${addressLimit} characters`);
  return value;
}

/** @throws RangeError if it is empty or longer than 64 characters */
export function serverIncarnation(value: string): ServerIncarnation {
  if (!isServerIncarnation(value)) {
    throw new RangeError(`server incarnation "${value}" is not of 1 to ${incarnationLimit} characters`);
  }
  return value;
}

/** @throws RangeError if it is empty or longer than 64 characters */
export function viewServiceIncarnation(value: string): ViewServiceIncarnation {
  if (!isViewServiceIncarnation(value)) {
    throw new RangeError(`view service incarnation "${value}" is not of 1 to ${incarnationLimit} characters`);
  }
  return value;
}
