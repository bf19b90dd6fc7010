import { createConnection, createServer, type Server, type Socket } from 'node:net';

/** Until when a piece of what clients sent is held back. */
interface Held {
  readonly dueMs: number;
  readonly pass: () => void;
}

/** One connection from a client, and the relay's own to the target. */
interface Pair {
  readonly client: Socket;
  readonly target: Socket;
  /** What the client sent and the target has not been given, in order. */
  readonly held: Held[];
  timer: NodeJS.Timeout | undefined;
}

/** What becomes of a relay's connections when it is cut. */
export type RelayCut =
  /** They stay open, and nothing passes any more. */
  | 'silent'
  /** They are broken, and new ones are refused. */
  | 'broken';

/**
 * Passes bytes on between sockets: whoever connects to one path reaches what listens at another. What clients send can be
 * delayed; it stays in order. What the target answers passes at once.
 */
export class Relay {
  /** How long what arrives from clients from now on is held back. */
  delayMs = 0;
  readonly #server: Server;
  readonly #pairs = new Set<Pair>();
  #isSilent = false;

  private constructor(private readonly targetPath: string) {
    this.#server = createServer((client) => this.#accept(client));
  }

  static async start(path: string, targetPath: string): Promise<Relay> {
    const relay = new Relay(targetPath);
    await new Promise<void>((resolve, reject) => {
      relay.#server.once('error', reject);
      relay.#server.listen(path, resolve);
    });
    return relay;
  }

  /** Nothing passes from now on, in either direction. */
  cut(manner: RelayCut): void {
    this.#isSilent = true;
    if (manner === 'broken') void this.close();
  }

  /** Breaks every connection. */
  close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const pair of this.#pairs) this.#end(pair);
    return closed;
  }

  #accept(client: Socket): void {
    const target = createConnection(this.targetPath);
    const pair: Pair = { client, target, held: [], timer: undefined };
    this.#pairs.add(pair);
    client.on('data', (bytes) => {
      pair.held.push({ dueMs: performance.now() + this.delayMs, pass: () => target.write(bytes) });
      this.#passDue(pair);
    });
    client.on('end', () => {
      pair.held.push({ dueMs: performance.now() + this.delayMs, pass: () => target.end() });
      this.#passDue(pair);
    });
    target.on('data', (bytes) => this.#isSilent || client.write(bytes));
    for (const socket of [client, target]) {
      socket.on('error', () => this.#end(pair));
    }
    target.on('close', () => this.#end(pair));
  }

  /** Passes what is due, up to the first piece that is not, and comes back for that. */
  #passDue(pair: Pair): void {
    clearTimeout(pair.timer);
    for (let [next] = pair.held; next !== undefined; [next] = pair.held) {
      const waitMs = next.dueMs - performance.now();
      if (waitMs > 0) {
        pair.timer = setTimeout(() => this.#passDue(pair), waitMs);
        return;
      }
      pair.held.shift();
      if (!this.#isSilent) next.pass();
    }
  }

  #end(pair: Pair): void {
    clearTimeout(pair.timer);
    this.#pairs.delete(pair);
    pair.client.destroy();
    pair.target.destroy();
  }
}
