import type { Request, Result } from '../kv/operation.js';
import type { Call } from '../rpc/link.js';

/** The way from a clerk to one replica. */
export interface ClientLink {
  readonly address: string;
  /** Resolves with the result of the request; refusals reject with `CallError`. */
  readonly execute: Call<Request, Result>;
  readonly close: () => void;
}
