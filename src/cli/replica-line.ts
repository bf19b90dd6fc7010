/** The line on standard output that says a replica listens. */
export const replicaLine = (id: number, pid: number, address: string): string =>
  `replica ${id} pid ${pid} ${address}\n`;

/** The line on standard output that says a majority serves. */
export const readyLine = (addresses: readonly string[]): string => `ready: ${addresses.join(',')}\n`;
