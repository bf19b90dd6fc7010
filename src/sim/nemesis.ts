import { seededRandom, type Random } from '../runtime/random.js';
import type { SimulatedCluster } from './cluster.js';
import type { CrashMoment, Fault, Victim } from './fault.js';
import { damageDisk } from './disk-damage.js';
import type { Machine } from './machine.js';
import type { Way } from './network.js';
import { partitionPhases, type PartitionPhase } from './partitions.js';
import type { Manner } from './plan.js';
import type { World } from './world.js';

export interface NemesisOptions {
  readonly world: World;
  readonly manner: Manner;
  readonly cluster: SimulatedCluster;
  readonly clientHosts: readonly string[];
  /** Opens sessions that nobody uses. */
  readonly crowd: (count: number) => void;
}

/** When somebody starts a server again that has stopped itself, at the latest. */
const supervisionLimitMs = 2000;
/** How often it is looked whether there is room for a fault that waits. */
const roomIntervalMs = 50;
/** What answers to clients are called. */
const answerName = 'execute reply';
/** How long a moment is waited for at which servers are to end. */
const momentLimitMs = 1000;
/** How much longer a sync takes in which a server ends, if others are to go on without it. */
const slowSyncMs = [50, 800] as const;
/** Room left on a disk that fills up. */
const roomLimitBytes = 4096;

/** Does harm to a cluster as it is told, and takes it back. */
export class Nemesis {
  readonly #options: NemesisOptions;
  readonly #random: Random;
  /** How to end the faults that last. */
  readonly #lasting = new Set<() => void>();
  /** Machines that a fault keeps down now. */
  readonly #keptDown = new Set<Machine>();
  /** Told of every message that is sent. */
  readonly #listeners = new Set<(way: Way) => void>();
  #isOver = false;

  constructor(options: NemesisOptions) {
    this.#options = options;
    this.#random = options.world.randomFor('nemesis');
  }

  /** Lets a fault begin, at once or when there is room for it. It ends by itself, or by `end`. */
  begin(fault: Fault): void {
    if (this.#isOver) return;
    if (this.#mustWait(fault)) {
      this.#later(roomIntervalMs, () => this.begin(fault));
      return;
    }
    const { trace, tally } = this.#options.world;
    trace.add(`fault ${fault.kind} ${fault.atMs.toFixed(3)} ${fault.lastsMs.toFixed(3)}`);
    const hasBegun = this.#begin(fault);
    if (!hasBegun) return;
    tally.add('faults');
    tally.add(fault.kind === 'partition' ? `partition ${fault.shape}` : `fault ${fault.kind}`);
  }

  /** Starts every machine again on which nothing runs, a while after it was seen so. */
  supervise(machine: Machine): void {
    if (machine.process !== undefined || this.#keptDown.has(machine) || machine.gone !== undefined) return;
    this.#keptDown.add(machine);
    this.#later(this.#random.between(100, supervisionLimitMs), () => this.#start(machine));
  }

  /**
   * Ends every fault for good. Machines that can be spared may stay away; answers those whose servers are to live, unless
   * they find what they cannot live with.
   */
  end(): readonly Machine[] {
    for (const end of [...this.#lasting]) end();
    this.#isOver = true;
    this.#spareOne();
    const { machines } = this.#options.cluster;
    for (const machine of machines) {
      machine.disk.capacityBytes = Infinity;
      this.#keptDown.delete(machine);
      this.supervise(machine);
    }
    return machines.filter((machine) => machine.gone === undefined && !hasLostAll(machine));
  }

  /** One more machine than a fault has ended may be there no longer, if enough are left that are whole. */
  #spareOne(): void {
    const { cluster, world } = this.#options;
    const whole = cluster.machines.filter((machine) => !isHarmed(machine));
    const canSpare = whole.length > Math.floor(cluster.machines.length / 2) + 1;
    const left = whole[this.#random.below(whole.length)];
    if (!canSpare || left === undefined || cluster.engine === 'primary-backup') return;
    if (this.#random.below(4) !== 0) return;
    world.tally.add('replicas that stay away');
    // Dead, or there without ever answering.
    if (this.#random.below(2) === 0) left.end('kill');
    else left.process?.pause();
    left.gone = 'it stays away';
  }

  /** Whether a fault that may make a server fail would leave the envelope of the engine now. */
  #mustWait({ kind }: Fault): boolean {
    const { manner, cluster } = this.#options;
    if (manner === 'wild' || kind === 'weather' || kind === 'session-crowd') return false;
    return cluster.envelope?.canLoseOne === false;
  }

  /** Whether the fault could be brought about now. */
  #begin(fault: Fault): boolean {
    const { world, crowd } = this.#options;
    switch (fault.kind) {
      case 'partition':
        return this.#partition(fault);
      case 'weather':
        this.#lastFor(fault.lastsMs, world.network.worsen(fault.weather));
        return true;
      case 'message-trouble':
        this.#lastFor(fault.lastsMs, world.network.disturb(fault.name, fault.trouble));
        return true;
      case 'session-crowd':
        crowd(fault.count);
        return true;
      default:
        return this.#hit(fault);
    }
  }

  /** Faults that hit one machine. */
  #hit(
    fault: Exclude<Fault, { kind: 'partition' | 'weather' | 'message-trouble' | 'session-crowd' }>,
  ): boolean {
    const machine = this.#victim(fault.victim);
    const process = machine?.process;
    if (machine === undefined || process === undefined) return false;
    const { lastsMs } = fault;
    switch (fault.kind) {
      case 'crash':
        this.#atMoment(machine, fault.moment, () => this.#crash(machine, fault.ending, lastsMs));
        return true;
      case 'crash-all':
        this.#atMoment(machine, fault.moment, () => this.#crashAll(fault));
        return true;
      case 'pause':
        if (process.state !== 'running') return false;
        process.pause();
        this.#lastFor(lastsMs, () => process.resume());
        return true;
      case 'clock-jump':
        process.jump(fault.byMs);
        return true;
      case 'slow-disk':
        this.#lastFor(lastsMs, machine.slowDown(fault.slowSyncLimitMs));
        return true;
      case 'sync-error':
        machine.excuses.add('sync-error');
        machine.disk.failNextSync(new Error('EIO: i/o error, fdatasync'));
        return true;
      case 'full-disk':
        machine.excuses.add('full');
        machine.disk.capacityBytes = machine.disk.usedBytes + seededRandom(fault.seed).below(roomLimitBytes);
        this.#lastFor(lastsMs, () => void (machine.disk.capacityBytes = Infinity));
        return true;
      case 'damage':
        return this.#damage(machine, fault);
      case 'lost-directory':
        return this.#loseDirectory(machine, lastsMs);
    }
  }

  #partition(fault: Extract<Fault, { kind: 'partition' }>): boolean {
    const { cluster } = this.#options;
    const victim = this.#victim(fault.victim) ?? cluster.machines[0];
    if (victim === undefined) return false;
    const phases = partitionPhases(
      fault.shape,
      {
        servers: cluster.machines.map(({ host }) => host),
        victim: victim.host,
        others: this.#othersIn(fault),
      },
      seededRandom(fault.seed),
      fault.lastsMs,
    );
    this.#cutInTurn(phases, fault.lastsMs);
    return true;
  }

  /** Who beside servers may be cut off from some of them. */
  #othersIn({ shape, seed }: Extract<Fault, { kind: 'partition' }>): readonly string[] {
    const { cluster, clientHosts, manner } = this.#options;
    const { otherHosts } = cluster;
    // Two servers that lose their view service fail both.
    if (otherHosts.length === 0 || (manner === 'kind' && shape !== 'isolated')) return clientHosts;
    // A server that has been given up is to be there for some clients, and must not answer them.
    const random = seededRandom(seed + 1);
    return [...clientHosts.filter(() => random.below(2) === 0), ...otherHosts];
  }

  /** Cuts what each phase says, in turn and over again, until the time is over. */
  #cutInTurn(phases: readonly PartitionPhase[], lastsMs: number): void {
    const { network } = this.#options.world;
    let isOver = false;
    let heal: () => void = () => undefined;
    const enter = (index: number) => {
      heal();
      const phase = phases[index % phases.length];
      if (isOver || phase === undefined) return;
      const healing = phase.cut.map(([from, to]) => network.cut(from, to));
      heal = () => {
        for (const undo of healing.splice(0)) undo();
      };
      this.#later(phase.lastsMs, () => enter(index + 1));
    };
    enter(0);
    this.#lastFor(lastsMs, () => {
      isOver = true;
      heal();
    });
  }

  /** Calls `run`, in an event of its own, when the moment has come, or in the end without it. */
  #atMoment(machine: Machine, moment: CrashMoment, run: () => void): void {
    if (moment === 'at-once') {
      run();
      return;
    }
    const { network } = this.#options.world;
    const now = (afterMs: number) => {
      if (moment === 'syncing') machine.syncing = (lastsMs) => lastsMs;
      else this.#listeners.delete(listener);
      if (!isOver) this.#later(afterMs, run);
      isOver = true;
    };
    let isOver = false;
    const listener = ({ from, name }: Way) => {
      if (from === machine.host && (moment === 'speaking' || name === answerName)) now(0);
    };
    // Every other time the sync takes so long that others can go on without it meanwhile.
    const slowMs = this.#random.below(2) === 0 ? 0 : this.#random.between(...slowSyncMs);
    if (moment === 'syncing') {
      machine.syncing = (lastsMs) => {
        now(this.#random.between(0, lastsMs + slowMs));
        return lastsMs + slowMs;
      };
    } else this.#listeners.add(listener);
    network.sent = (way) => {
      for (const listen of [...this.#listeners]) listen(way);
    };
    this.#lastFor(momentLimitMs, () => now(0));
  }

  #crashAll({ ending, seed, lastsMs }: Extract<Fault, { kind: 'crash-all' }>): void {
    const random = seededRandom(seed);
    for (const machine of this.#options.cluster.machines) {
      if (machine.process !== undefined) this.#crash(machine, ending, random.between(10, lastsMs + 10));
    }
  }

  #crash(machine: Machine, ending: 'kill' | 'power', downMs: number): void {
    if (this.#isOver || machine.process === undefined) return;
    const { tally } = this.#options.world;
    tally.add(ending === 'power' ? 'power cuts' : 'crashes');
    machine.end(ending);
    this.#keepDown(machine, downMs);
  }

  #keepDown(machine: Machine, downMs: number): void {
    this.#keptDown.add(machine);
    this.#lastFor(downMs, () => this.#start(machine));
  }

  #start(machine: Machine): void {
    this.#keptDown.delete(machine);
    if (machine.process === undefined && machine.gone === undefined) this.#options.cluster.boot(machine);
  }

  /** Only a minority is ever damaged, or loses what it had. */
  #mayHarm(machine: Machine): boolean {
    const { machines } = this.#options.cluster;
    const others = machines.filter((other) => other !== machine && isHarmed(other)).length;
    return others + 1 < machines.length / 2 && !isHarmed(machine);
  }

  #damage(machine: Machine, { seed, lastsMs }: Fault): boolean {
    if (!this.#mayHarm(machine)) return false;
    this.#crash(machine, 'power', lastsMs);
    if (!damageDisk(machine.disk, seededRandom(seed))) return false;
    machine.excuses.add('damaged');
    return true;
  }

  #loseDirectory(machine: Machine, lastsMs: number): boolean {
    const { machines } = this.#options.cluster;
    // Losing one is always seen, losing two need not be (rule R11).
    if (!this.#mayHarm(machine) || machines.some(({ excuses }) => excuses.has('lost-directory')))
      return false;
    machine.excuses.add('lost-directory');
    this.#crash(machine, 'power', lastsMs);
    machine.replaceDisk();
    return true;
  }

  /** Whom a fault hits now. */
  #victim({ preferLeader, turn }: Victim): Machine | undefined {
    const { cluster } = this.#options;
    const leader = preferLeader ? cluster.leader() : undefined;
    if (leader !== undefined) return leader;
    const running = cluster.machines.filter(({ process }) => process !== undefined);
    return running[turn % running.length];
  }

  /** Something lasts for so long, or until all faults end. */
  #lastFor(lastsMs: number, end: () => void): void {
    const finish = () => {
      if (this.#lasting.delete(finish)) end();
    };
    this.#lasting.add(finish);
    this.#later(lastsMs, finish);
  }

  #later(ms: number, run: () => void): void {
    const { time } = this.#options.world;
    time.schedule(time.nowMs + ms, run);
  }
}

const hasLostAll = ({ excuses }: Machine): boolean => excuses.has('lost-directory');

/** Whether its server may refuse to go on, or has. */
const isHarmed = (machine: Machine): boolean =>
  machine.gone !== undefined || machine.excuses.has('damaged') || hasLostAll(machine);
