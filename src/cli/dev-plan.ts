import type { EndpointStatus } from './status-report.js';

/** A cluster that `dev` is to run: what its processes are given, and how it is spoken of. */
export interface DevPlan {
  /** One a replica, ids from 1. */
  readonly addresses: readonly string[];
  /** Undefined for an engine without one. */
  readonly viewService: ViewServicePlan | undefined;
  /** The command line of a replica's `serve`, its name included. */
  readonly serveCommandLine: (id: number, start: 'first' | 'again') => readonly string[];
  /** Whether a replica that died may come back under its id (rule R1). */
  readonly mayReturn: boolean;
  /** How many replicas agree on anything; undefined for an engine that does not vote, whose replicas return empty. */
  readonly majority: number | undefined;
  /** Whether the cluster does all that it is there for, by how those of its replicas stand whose processes run. */
  readonly isReady: (running: readonly EndpointStatus[]) => boolean;
  /** What it survives, and where its data is; said first. */
  readonly introduction: string;
  /** What to try once it is ready. */
  readonly nextSteps: string;
}

export interface ViewServicePlan {
  readonly address: string;
  /** That of `viewd`, its name included. */
  readonly commandLine: readonly string[];
}
