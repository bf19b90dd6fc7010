/** The line on standard output that says a replica listens. */
export const replicaLine = (id: number, pid: number, address: string): string =>
  `replica ${id} pid ${pid} ${address}\n`;

/** The same of a replica without an id. */
export const serverLine = (pid: number, address: string): string => `server pid ${pid} ${address}\n`;

/** The line on standard output that says the view service listens. */
export const viewServiceLine = (pid: number, address: string): string => `viewd pid ${pid} ${address}\n`;

/** The line on standard output that says a cluster serves. */
export const readyLine = (addresses: readonly string[]): string => `ready: ${addresses.join(',')}\n`;
