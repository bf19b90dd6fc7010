import { createServer } from 'node:net';

const attemptLimit = 200;

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });

/** `count` consecutive ports of 127.0.0.1 that are free now, below the range that outgoing connections draw from. */
export async function freePorts(count: number): Promise<number[]> {
  for (let attempt = 0; attempt < attemptLimit; attempt += 1) {
    const first = 10_000 + Math.floor(Math.random() * 20_000);
    const ports = Array.from({ length: count }, (_, index) => first + index);
    const free = await Promise.all(ports.map(isFree));
    if (free.every(Boolean)) return ports;
  }
  throw new Error(`no ${count} consecutive free ports found in ${attemptLimit} attempts`);
}
