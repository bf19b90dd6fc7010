import { expect } from 'chai';
import { Membership } from '../../src/primary-backup/membership.js';
import type { ServerPing } from '../../src/primary-backup/messages.js';
import {
  serverAddress,
  serverIncarnation,
  viewServiceIncarnation,
  type ServerAddress,
} from '../../src/primary-backup/names.js';
import { Views } from '../../src/primary-backup/view.js';
import type { Random } from '../../src/runtime/random.js';
import { randomFor, seed } from '../scenarios/report.js';

const deadPings = 5;
const rounds = 1500;
const steps = 300;
const viewService = viewServiceIncarnation('views');

/** A process of a server; the next one of the server begins when it has ended. */
interface Process {
  readonly name: string;
  readonly membership: Membership;
}

interface LatePing {
  readonly ping: ServerPing;
  readonly sender: Process;
}

/** What servers know of views, as in the product, and the views themselves; in between pings that are lost or late. */
class Days {
  readonly views = new Views(deadPings);
  readonly addresses = ['a', 'b', 'c'].map(serverAddress);
  readonly #random: Random;
  readonly #running = new Map<ServerAddress, Process>();
  readonly #late: LatePing[] = [];
  #processes = 0;
  #transfers = 0;

  constructor(random: Random) {
    this.#random = random;
    for (const address of this.addresses) this.restart(address);
  }

  restart(address: ServerAddress): void {
    this.#processes += 1;
    const name = `${address}${this.#processes}`;
    this.#running.set(address, { name, membership: new Membership(address, serverIncarnation(name)) });
  }

  running(address: ServerAddress): Process {
    return this.#running.get(address)!;
  }

  ping(sender: Process): void {
    this.#arrives({ ping: sender.membership.ping, sender });
  }

  /** The sender may be gone when it arrives. */
  pingLate(sender: Process): void {
    this.#late.push({ ping: sender.membership.ping, sender });
  }

  oneLateArrives(): void {
    const [late] = this.#late.splice(this.#random.below(Math.max(1, this.#late.length)), 1);
    if (late !== undefined) this.#arrives(late);
  }

  allLateArrive(): void {
    while (this.#late.length > 0) this.oneLateArrives();
  }

  /** A backup gets the state if a primary of the very view has it. */
  pull({ membership }: Process): void {
    const { part, view } = membership;
    if (part.kind !== 'backup' || part.transfer !== undefined) return;
    const primary = this.running(part.primary).membership;
    if (primary.part.kind !== 'primary' || primary.view.viewNumber !== view.viewNumber) return;
    this.#transfers += 1;
    membership.hasPulled(view.viewNumber, this.#transfers);
  }

  #arrives({ ping, sender }: LatePing): void {
    if (ping.viewService === undefined || ping.viewService === viewService) this.views.ping(ping);
    if (this.running(ping.server) !== sender) return;
    const { view, isAcknowledged, isBackupReady, trouble } = this.views;
    sender.membership.learn({ view, isAcknowledged, isBackupReady, trouble, viewService });
  }
}

function live(days: Days, random: Random): void {
  for (let step = 0; step < steps; step += 1) {
    const process = days.running(days.addresses[random.below(days.addresses.length)]!);
    const kind = random.below(80);
    if (kind < 12) days.views.tick();
    else if (kind < 48) days.ping(process);
    else if (kind < 66) days.pull(process);
    else if (kind < 72) days.pingLate(process);
    else if (kind < 77) days.oneLateArrives();
    else if (kind === 77) days.restart(process.membership.ping.server);
  }
}

function calm(days: Days): void {
  days.allLateArrive();
  for (let tick = 0; tick < 6 * deadPings; tick += 1) {
    for (const address of days.addresses) {
      days.ping(days.running(address));
      days.pull(days.running(address));
    }
    days.views.tick();
  }
}

/** The processes that live and are the primary of the view as it stands. */
function primaries(days: Days): string[] {
  const { viewNumber } = days.views.view;
  const processes = days.addresses.map((address) => days.running(address));
  return processes.flatMap(({ name, membership: { part, view } }) =>
    part.kind === 'primary' && view.viewNumber === viewNumber ? [name] : [],
  );
}

describe('views under late pings', () => {
  it('are whole in the end, with every process that lives, unless the primary is gone', () => {
    console.log(`      seed ${seed}`);
    let whole = 0;
    for (let round = 0; round < rounds; round += 1) {
      const random = randomFor(`late pings ${round}`);
      const days = new Days(random);
      live(days, random);
      calm(days);
      const { views } = days;
      const told = `day ${round}: ${JSON.stringify(views.view)} "${views.trouble}"`;
      if (views.trouble !== '') {
        expect(primaries(days), told).to.deep.equal([]);
        continue;
      }
      whole += 1;
      expect(views.isAcknowledged && views.isBackupReady, told).to.equal(true);
      expect(views.servers, told).to.have.lengthOf(days.addresses.length);
      for (const { address, isAlive } of views.servers) expect(isAlive, `${told} ${address}`).to.equal(true);
      const { primary, backup } = views.view;
      expect(days.running(primary!).membership.part.kind, told).to.equal('primary');
      expect(days.running(backup!).membership.part, told).to.have.property('transfer').that.is.a('number');
    }
    console.log(`      ${whole} of ${rounds} days ended whole`);
    expect(whole).to.be.within(rounds / 10, rounds - 1);
  });
});
