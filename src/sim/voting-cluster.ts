import type { RanAt } from '../check/told-order.js';
import { BaseClerk } from '../clerk/base-clerk.js';
import { EndpointsRoute } from '../clerk/endpoints-route.js';
import type { SessionParameters } from '../kv/limits.js';
import { majorityOf, replicaId, type ReplicaId } from '../log/ids.js';
import { InvariantViolation } from '../log/invariant-violation.js';
import type { Member } from '../log/roster.js';
import type { Enveloped } from '../log/header.js';
import type { Logger } from '../runtime/logger.js';
import type { Random } from '../runtime/random.js';
import { UnknownIncarnation } from '../server/admission.js';
import { openDataDirectory, type DataDirectory } from '../server/data-directory.js';
import type { EngineName } from '../server/engine.js';
import type { Hello } from '../server/hello.js';
import type { Replica } from '../server/replica.js';
import type { ReadPath, ReplicaSettings } from '../server/replica-options.js';
import type { LogLimits } from '../server/snapshot-keeper.js';
import { NoSpaceError } from '../storage/disk.js';
import { StorageDamage, StorageFailure } from '../storage/errors.js';
import { Agreement } from './agreement.js';
import type { SimulatedCluster } from './cluster.js';
import { Machine, type DiskPace } from './machine.js';
import { remoteCall, remoteStream } from './network-call.js';
import { remoteDuplex } from './network-stream.js';
import { RanOrder } from './ran-order.js';
import type { SimulatedProcess } from './simulated-process.js';
import { newWorldEngine, type WaysTo, type WorldEngine, type WorldReplica } from './voting-engine.js';
import type { World } from './world.js';

export interface VotingClusterOptions {
  readonly engine: EngineName;
  readonly replicaCount: number;
  readonly sessionParameters: SessionParameters;
  readonly checkpointIntervalSlots: number;
  readonly logLimits: LogLimits;
  readonly segmentBytes: number;
  readonly reads: ReadPath;
  readonly diskPace: DiskPace;
}

const helloIntervalMs = 500;
const roundTimeoutMs = 1000;
const electionTimeoutMs = 100;
const attemptTimeoutMs = 1000;
const clusterId = 'simulated';
/** What a replica remembers is looked at when it starts, when it has taken in a snapshot, and so often besides. */
const checksBetweenLooks = 200;

/** A machine of this cluster and the replica that runs on it, once it is open. */
interface Place {
  readonly id: ReplicaId;
  readonly machine: Machine;
  running: (WorldReplica & { readonly process: SimulatedProcess }) | undefined;
  /** How many more checks until what the replica remembers is looked at again. */
  looksIn: number;
}

/** What a machine's host is called. */
const hostOf = (id: ReplicaId): string => `replica-${id}`;

/** Replicas of an engine that votes, with disks. */
export class VotingCluster implements SimulatedCluster {
  readonly engine: EngineName;
  readonly machines: readonly Machine[];
  readonly otherHosts: readonly string[] = [];
  readonly #world: World;
  readonly #options: VotingClusterOptions;
  readonly #kind: WorldEngine;
  readonly #places: readonly Place[];
  readonly #members: readonly Member[];
  readonly #agreement: Agreement;
  readonly #ranOrder = new RanOrder();
  /** Processes that have told that they end. */
  readonly #stopping = new WeakSet<SimulatedProcess>();

  constructor(world: World, options: VotingClusterOptions) {
    const { replicaCount, engine, diskPace } = options;
    this.#world = world;
    this.#options = options;
    this.engine = engine;
    const ids = Array.from({ length: replicaCount }, (_, index) => replicaId(index + 1));
    this.#members = ids.map((id) => ({ id, address: hostOf(id) }));
    this.#places = ids.map((id) => ({
      id,
      machine: new Machine(world, hostOf(id), diskPace),
      running: undefined,
      looksIn: 0,
    }));
    this.machines = this.#places.map(({ machine }) => machine);
    const violated = (check: string, message: string) => world.violated(check, message);
    this.#kind = newWorldEngine(engine, { majority: majorityOf(replicaCount), violated });
    this.#agreement = new Agreement({
      violated,
      applied: (name, slot, value) => {
        const place = this.#places.find(({ machine }) => machine.host === name);
        if (place !== undefined) this.#kind.monitor.applied(place.id, slot, value);
      },
    });
  }

  get ranAt(): RanAt {
    return this.#ranOrder.ranAt;
  }

  get isUp(): boolean {
    return this.#places.every(({ running }) => running?.replica.serving === true);
  }

  boot(machine: Machine): void {
    const place = this.#placeOf(machine);
    const process = machine.begin();
    place.running = undefined;
    process.after(0, () => {
      this.#open(place, process).then(
        (running) => {
          if (process.state === 'ended') return;
          place.running = { ...running, process };
          place.looksIn = 0;
          running.replica.start();
        },
        (error: unknown) => this.#stopped(place, process, error),
      );
    });
  }

  leader(): Machine | undefined {
    for (const { running, machine } of this.#places) {
      if (running === undefined || machine.process !== running.process) continue;
      const { leader } = running.replica.engine;
      if (leader?.replica === running.replica.roster.me && leader.phase === 'leading') return machine;
    }
    return undefined;
  }

  clerk(host: string, process: SimulatedProcess, first: number): BaseClerk {
    const places = this.#places.map((_, index) => this.#place(first + index));
    const links = places.map((place) => ({
      address: place.machine.host,
      execute: remoteCall({
        network: this.#world.network,
        from: host,
        to: place.machine.host,
        name: 'execute',
        caller: process,
        callee: () => listening(place),
        handle: (request: Parameters<Replica['execute']>[0], signal) =>
          this.#replicaAt(place).execute(request, signal),
        mayDuplicate: false,
      }),
      close: () => undefined,
    }));
    return new BaseClerk({
      route: new EndpointsRoute(links, this.#world.randomFor(`route of ${host}`)),
      attemptTimeoutMs,
      sequenceWindow: this.#options.sessionParameters.sequenceWindow,
      clock: process.clock,
    });
  }

  check(machine: Machine): void {
    const place = this.#placeOf(machine);
    const { running } = place;
    if (running === undefined || running.process !== machine.process) return;
    const { replica, decidedValue, process } = running;
    place.looksIn -= 1;
    if (place.looksIn < 0) {
      place.looksIn = checksBetweenLooks;
      // Who has lost its directory remembers nothing, and is refused.
      if (!machine.excuses.has('lost-directory')) {
        running.lookAtMemory();
        this.#checkDone(place, running);
      }
    }
    this.#agreement.look(process.name, {
      name: machine.host,
      applied: replica.engine.log.applied,
      get digest() {
        return replica.status().digest;
      },
      decidedValue,
    });
  }

  unsettled(machines: readonly Machine[]): string | undefined {
    const states = machines.map((machine) => {
      const { running } = this.#placeOf(machine);
      if (running === undefined || running.process !== machine.process) return `${machine.host} is not up`;
      const { serving, log, digest, trouble } = running.replica.status();
      if (!serving) return `${machine.host} does not serve${trouble === '' ? '' : `: ${trouble}`}`;
      return { host: machine.host, text: `slot ${log.applied ?? 'none'} digest ${digest}` };
    });
    const [first] = states;
    for (const state of states) {
      if (typeof state === 'string') return state;
      if (typeof first === 'object' && state.text !== first.text) {
        return `${first.host} stands at ${first.text}, ${state.host} at ${state.text}`;
      }
    }
    return undefined;
  }

  tallyAtEnd(): void {
    const { tally } = this.#world;
    tally.add('slots', this.#agreement.slots);
    const statuses = this.#places.flatMap(({ running }) =>
      running === undefined ? [] : [running.replica.status()],
    );
    const ended = statuses.map(({ nextClientId, openSessions }) => nextClientId - 1 - openSessions);
    tally.add('sessions expired', Math.max(0, ...ended));
  }

  async #open(place: Place, process: SimulatedProcess): Promise<WorldReplica> {
    const { id } = place;
    const random = this.#world.randomFor(`process ${process.name}`);
    const directory = await this.#directory(place, process, random);
    const settings: ReplicaSettings = {
      members: this.#members,
      me: id,
      clusterId: directory.clusterId,
      incarnation: directory.directoryId,
      sessionParameters: this.#options.sessionParameters,
      directory,
      rebuild: false,
      logLimits: this.#options.logLimits,
      checkpointIntervalSlots: this.#options.checkpointIntervalSlots,
      reads: this.#options.reads,
      applied: this.#ranOrder.applied,
      helloIntervalMs,
      roundTimeoutMs,
      electionTimeoutMs,
      clock: process.clock,
      random,
      logger: this.#logger(place),
      failed: (error) => this.#stopped(place, process, error),
    };
    return await this.#kind.open(settings, this.#waysFrom(place, process));
  }

  #directory(place: Place, process: SimulatedProcess, random: Random): Promise<DataDirectory> {
    const { id, machine } = place;
    return openDataDirectory({
      disk: machine.disk,
      clock: process.clock,
      random,
      wanted: {
        engine: this.engine,
        members: this.#members,
        sessionParameters: this.#options.sessionParameters,
        replica: id,
        clusterId,
      },
      clusterIdAtBirth: clusterId,
      segmentBytes: this.#options.segmentBytes,
      fatal: (error) => this.#stopped(place, process, error),
      trace: (event) => {
        if (event === 'segment-dropped') this.#world.tally.add('segments dropped');
      },
    });
  }

  /** A server has ended itself, or could not start: its process is gone, as over `synod serve`. */
  #stopped({ machine }: Place, process: SimulatedProcess, error: unknown): void {
    if (process.state === 'ended' || this.#stopping.has(process)) return;
    this.#stopping.add(process);
    const { tally, trace } = this.#world;
    const problem = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    trace.add(`stopped ${process.name} ${problem}`);
    tally.add('servers that stopped themselves');
    // Ended by an event of its own: what called this is still on its way.
    process.after(0, () => {
      if (machine.process === process) machine.end('kill');
    });
    if (error instanceof InvariantViolation) {
      this.#world.violated('an invariant of a server', `${machine.host}: ${error.message}`);
    } else if (isFinal(error)) {
      machine.gone = problem;
      if (machine.excuses.has('damaged') || machine.excuses.has('lost-directory')) return;
      this.#world.violated('servers stop for a reason', `${machine.host} refuses to go on: ${problem}`);
    } else if (!isExcused(error, machine)) {
      this.#world.violated('servers stop for a reason', `${machine.host} stopped: ${problem}`);
    }
  }

  #waysFrom(from: Place, caller: SimulatedProcess): WaysTo {
    return (peer, engineOf) => {
      const to = this.#byId(peer);
      const ends = {
        network: this.#world.network,
        from: from.machine.host,
        to: to.machine.host,
        caller,
        callee: () => listening(to),
      };
      const at = () => engineOf(this.#replicaAt(to));
      return {
        to: peer,
        common: {
          hello: remoteCall<Enveloped<Hello>, Enveloped<Hello>>({
            ...ends,
            name: 'hello',
            handle: (request) => this.#replicaAt(to).greeter.handleHello(request),
            mayDuplicate: true,
          }),
          pullSnapshot: remoteStream({
            ...ends,
            name: 'pull-snapshot',
            handle: (request: Parameters<Replica['snapshotSource']['handlePull']>[0], signal) =>
              this.#replicaAt(to).snapshotSource.handlePull(request, signal),
          }),
        },
        carry: (name, handle) =>
          remoteCall({ ...ends, name, handle: (request) => handle(at(), request), mayDuplicate: true }),
        carryStreams: (name, accept, said) =>
          remoteDuplex({
            ...ends,
            name,
            accept: (stream) => accept(at(), stream),
            said,
          }),
      };
    };
  }

  /** The replica at the far end of a message that has arrived. */
  #replicaAt(place: Place): Replica {
    if (place.running !== undefined && listening(place) !== undefined) return place.running.replica;
    throw new RangeError(`nobody listens at ${place.machine.host}`);
  }

  #logger(place: Place): Logger {
    const { id, machine } = place;
    const { tally, trace } = this.#world;
    const told = (message: string) => {
      if (message === 'a snapshot is installed') place.looksIn = 0;
      tally.add(message);
      trace.add(`${machine.host} tells ${message}`);
    };
    return {
      debug: (event, details = {}) => {
        this.#kind.monitor.traced(id, event, details);
        if (event === 'leadership' && details['kind'] === 'leading') tally.add('elections');
        else if (event === 'floor-synced') tally.add('log cuts');
      },
      info: told,
      warn: told,
      error: told,
    };
  }

  /** What a replica is done with the others forget; so it has that on its disk, unless this was damaged (rule R10). */
  #checkDone({ id, machine }: Place, { durableThrough }: WorldReplica): void {
    if (machine.excuses.has('damaged')) return;
    const told = this.#places.map(({ running }) => running?.replica.roster.done.throughOf(id) ?? -1);
    const through = Math.max(...told);
    const durable = durableThrough() ?? -1;
    if (durable >= through) return;
    this.#world.violated(
      'who is done can build its state again',
      `${machine.host} has told that it is done with the slots through ${through}, and has those through ${durable} on its disk`,
    );
  }

  #placeOf(machine: Machine): Place {
    return this.#byId(replicaId(this.machines.indexOf(machine) + 1));
  }

  #byId(id: ReplicaId): Place {
    return this.#place(id - 1);
  }

  #place(index: number): Place {
    const place = this.#places[index % this.#places.length];
    if (place === undefined) throw new RangeError(`there is no replica at ${index}`);
    return place;
  }
}

/** The process of a machine once its replica is open: before, nobody can connect to it. */
const listening = ({ running, machine }: Place): SimulatedProcess | undefined =>
  running?.process === machine.process ? machine.process : undefined;

/** What a directory is refused for, for good. */
const isFinal = (error: unknown): boolean =>
  error instanceof StorageDamage || error instanceof UnknownIncarnation;

/** A disk without room ends no server that has a directory; one that has lost it cannot be born there. */
function isExcused(error: unknown, { excuses }: Machine): boolean {
  if (error instanceof NoSpaceError) return excuses.has('full') && excuses.has('lost-directory');
  return error instanceof StorageFailure && (excuses.has('sync-error') || excuses.has('full'));
}
