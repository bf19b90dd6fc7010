import type { RanAt } from '../check/told-order.js';
import type { BaseClerk } from '../clerk/base-clerk.js';
import type { AnyEngineName } from '../server/engine.js';
import type { Machine } from './machine.js';
import type { SimulatedProcess } from './simulated-process.js';

/** What an engine bears, where that is less than every fault that is drawn for it. */
export interface Envelope {
  /** How the world has left it; undefined while it is kept. */
  readonly left: string | undefined;
  /** Whether it is kept whichever one server fails now. */
  readonly canLoseOne: boolean;
  /** What users are shown to have stopped everything for good; undefined while they are shown no such thing. */
  readonly deadEnd: string | undefined;
}

/** Real servers of one engine on simulated machines. */
export interface SimulatedCluster {
  readonly engine: AnyEngineName;
  readonly machines: readonly Machine[];
  /** Hosts beside the machines that never fail themselves, but can be cut off: the view service, if there is one. */
  readonly otherHosts: readonly string[];
  /** Undefined for an engine that bears every fault that is drawn for it. */
  readonly envelope?: Envelope;
  /** Starts a process on a machine that has none. */
  boot(machine: Machine): void;
  /** The machine whose server leads, as it says itself; undefined if none does. */
  leader(): Machine | undefined;
  /** A clerk that lives in this process, on a host of its own, and tries the servers beginning with the one at `first`. */
  clerk(host: string, process: SimulatedProcess, first: number): BaseClerk;
  /** In which order its servers ran the writes so far. */
  readonly ranAt: RanAt;
  /** Whether every server takes part, so that faults may begin. */
  readonly isUp: boolean;
  /** Holds what is there now against what must always be; called after something has happened on a machine. */
  check(machine: Machine): void;
  /** What keeps these machines from standing at one state with nothing left to do; undefined if nothing does. */
  unsettled(machines: readonly Machine[]): string | undefined;
  /** What is counted once, at the end. */
  tallyAtEnd(): void;
}
