/** Where a server listens or a client dials. */
export type Address =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/**
 * Reads `HOST:PORT`, `[V6]:PORT` or `unix:/PATH`.
 * @throws RangeError that names the text and the forms there are, or the limit of a path
 */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:')) {
    const path = text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '');
    if (path.startsWith('/') && path.length > 1) return { kind: 'unix', path: checkedPath(path) };
  } else {
    const match = /^(?:\[([0-9a-fA-F:.]+(?:%\w+)?)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text);
    const host = match?.[1] ?? match?.[2];
    const port = Number(match?.[3]);
    if (host !== undefined && port <= 65535) return { kind: 'tcp', host: host.toLowerCase(), port };
  }
  throw new RangeError(
    `"${text}" is not an address: write HOST:PORT, [V6]:PORT or unix:/PATH, with a port up to 65535`,
  );
}

/** What the operating system has room for; it would cut a longer path and say nothing. */
const pathLimitBytes = 107;

function checkedPath(path: string): string {
  const bytes = Buffer.byteLength(path);
  if (bytes <= pathLimitBytes) return path;
  throw new RangeError(
    `the path of socket "${path}" has ${bytes} bytes; the limit is ${pathLimitBytes}. Choose a shorter one`,
  );
}

/** The one spelling of an address; equal addresses format alike. */
export function formatAddress(address: Address): string {
  if (address.kind === 'unix') return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether only this machine can reach it. */
export function isLoopback(address: Address): boolean {
  return (
    address.kind === 'unix' ||
    address.host === 'localhost' ||
    address.host === '::1' ||
    /^127(\.\d{1,3}){3}$/.test(address.host)
  );
}
