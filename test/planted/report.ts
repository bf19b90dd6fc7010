import type { Variant } from './variant.js';

/** What the process that tries a variant is told. */
export interface Task {
  readonly variant: Variant;
  readonly firstSeed: number;
  /** How many seeds at the most; it ends with the first one that fails. */
  readonly seedLimit: number;
}

/** What that process reports. */
export type Report =
  | { readonly kind: 'begun'; readonly seed: number }
  /** A verdict of the simulator. */
  | { readonly kind: 'failed'; readonly seed: number; readonly check: string; readonly message: string }
  /** The process failed outside everything that the simulator judges. */
  | { readonly kind: 'crashed'; readonly message: string }
  /** The variant could not be tried. */
  | { readonly kind: 'broken'; readonly message: string }
  /** @property unreached which of the changed places never ran, each with its file */
  | { readonly kind: 'ended'; readonly unreached: readonly string[] };
