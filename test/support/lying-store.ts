import type { handleUnaryCall, sendUnaryData, Server } from '@grpc/grpc-js';
import { KVServiceService as definition } from '../../gen/synod/kv/v1/kv.js';
import { Store } from '../../src/kv/store.js';
import type { WriteOperation } from '../../src/kv/operation.js';
import { serve, type Served } from './served.js';

/** What a store does wrong, one call of its kind in `every`; nothing if it is undefined. */
export interface Lie {
  readonly kind:
    /** A Get answers what the key held before its last write. */
    | 'stale-get'
    /** An Append is answered and not done. */
    | 'dropped-append'
    /** A Put is done, and once more a little later. */
    | 'repeated-put';
  readonly every: number;
}

/** A store on the wire, at as many addresses as asked for, that can be made to lie. */
export interface LyingStore {
  readonly addresses: readonly string[];
  /** How many operations came to each address. */
  readonly counts: readonly number[];
  lie: Lie | undefined;
  /** How many more operations are answered; the others are met with silence. */
  answers: number;
  close(): Promise<void>;
}

const repeatedAfterMs = 20;

class Liar {
  lie: Lie | undefined;
  answers = Infinity;
  readonly #store = new Store();
  readonly #previous = new Map<string, string>();
  #turn = 0;

  #lies(kind: Lie['kind']): boolean {
    if (this.lie?.kind !== kind) return false;
    this.#turn += 1;
    return this.#turn % this.lie.every === 0;
  }

  get(key: string): { readonly value: string; readonly found: boolean } {
    const previous = this.#lies('stale-get') ? this.#previous.get(key) : undefined;
    if (previous !== undefined) return { value: previous, found: true };
    const result = this.#store.get({ kind: 'get', key });
    if (result.kind !== 'get') throw new Error(`a get was answered with a ${result.kind}`);
    return result;
  }

  write(operation: WriteOperation): string {
    if (operation.kind === 'append' && this.#lies('dropped-append')) return '';
    if (operation.kind === 'put' && this.#lies('repeated-put')) {
      setTimeout(() => this.#store.write(operation), repeatedAfterMs);
    }
    this.#previous.set(operation.key, this.get(operation.key).value);
    const result = this.#store.write(operation);
    return result.kind === 'put-hash' ? result.previousValue : '';
  }
}

/** @param count how many addresses */
export async function lyingStore(count = 1): Promise<LyingStore> {
  const liar = new Liar();
  const counts = Array.from({ length: count }, () => 0);
  const served: Served[] = [];
  for (let index = 0; index < count; index += 1) {
    served.push(await serve((server) => addMethods(server, liar, () => (counts[index]! += 1))));
  }
  return {
    addresses: served.map(({ address }) => address),
    counts,
    get lie() {
      return liar.lie;
    },
    set lie(lie) {
      liar.lie = lie;
    },
    get answers() {
      return liar.answers;
    },
    set answers(answers) {
      liar.answers = answers;
    },
    close: async () => {
      await Promise.all(served.map((server) => server.close()));
    },
  };
}

function addMethods(server: Server, liar: Liar, called: () => void): void {
  const answered =
    <Request, Response>(answer: (request: Request) => Response): handleUnaryCall<Request, Response> =>
    ({ request }, respond: sendUnaryData<Response>) => {
      called();
      liar.answers -= 1;
      if (liar.answers >= 0) respond(null, answer(request));
    };
  const written =
    (kind: 'put' | 'append') =>
    ({ key, value }: { key: string; value: string }) => {
      liar.write({ kind, key, value });
      return {};
    };
  let sessions = 0;
  server.addService(definition, {
    get: answered(({ key }: { key: string }) => liar.get(key)),
    put: answered(written('put')),
    append: answered(written('append')),
    putHash: answered(({ key, value }: { key: string; value: string }) => ({
      previousValue: liar.write({ kind: 'put-hash', key, value }),
    })),
    pipeline: () => undefined,
    openSession: (_call: unknown, respond: sendUnaryData<unknown>) =>
      respond(null, { clientId: (sessions += 1) }),
    closeSession: (_call: unknown, respond: sendUnaryData<unknown>) => respond(null, {}),
  });
}
