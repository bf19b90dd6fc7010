import type { Call } from '../rpc/link.js';

/** What a view service says to clients. */
export interface View {
  /** 0 before the first. */
  readonly number: number;
  /** The address of the server that takes calls; undefined before the first view. */
  readonly primary: string | undefined;
  /** What keeps the views from going on, in words; empty if nothing does. */
  readonly trouble: string;
}

/** The way from a clerk to the view service. */
export interface ViewLink {
  readonly address: string;
  readonly getView: Call<void, View>;
  readonly close: () => void;
}
