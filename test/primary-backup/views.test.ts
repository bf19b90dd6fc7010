import { expect } from 'chai';
import { serverAddress, serverIncarnation } from '../../src/primary-backup/names.js';
import { Views, type View } from '../../src/primary-backup/view.js';
import type { Random } from '../../src/runtime/random.js';
import { randomFor, seed } from '../scenarios/report.js';

const deadPings = 5;

/** The view service under bare pings; a server is named by one letter, its process by a number. */
class Service {
  readonly views = new Views(deadPings);

  /** @param process undefined: a server that draws no incarnation */
  ping(name: string, viewNumber: number, process?: number): this {
    const incarnation = process === undefined ? undefined : serverIncarnation(`${name}${process}`);
    this.views.ping({ server: serverAddress(name), viewNumber, incarnation });
    return this;
  }

  /** Lets ticks pass in which only these ping, with the number of the view; "b3" is the third process of b, "b" its first. */
  pass(ticks: number, ...alive: readonly string[]): this {
    for (let tick = 0; tick < ticks; tick += 1) {
      for (const who of alive) {
        this.ping(who.charAt(0), this.views.view.viewNumber, Number(who.slice(1) || 1));
      }
      this.views.tick();
    }
    return this;
  }

  isAlive(name: string): boolean {
    return this.views.servers.some(({ address, isAlive }) => address === name && isAlive);
  }

  get text(): string {
    const { viewNumber, primary, backup } = this.views.view;
    return `${viewNumber} ${primary ?? '-'} ${backup ?? '-'}${this.views.isAcknowledged ? ' acknowledged' : ''}`;
  }

  /** View 2 of a and b, both in it. */
  static ofTwo(): Service {
    return new Service().ping('a', 0, 1).ping('a', 1, 1).ping('b', 0, 1).ping('a', 2, 1).ping('b', 2, 1);
  }
}

describe('the views of primary/backup', () => {
  it('begin with the first server that says it is new, and not with one that speaks of other views', () => {
    const service = new Service().ping('b', 7, 1);
    expect(service.text).to.equal('0 - -');
    expect(service.views.trouble).to.equal('no server has come yet');
    expect(service.ping('a', 0, 1).text).to.equal('1 a -');
    expect(service.ping('a', 0, 1).text).to.equal('1 a -');
    expect(service.ping('a', 1, 1).text, 'b has pinged, and fills the place').to.equal('2 a b');
  });

  it('wait for the acknowledgement of their primary, however long', () => {
    const service = new Service().ping('a', 0, 1).pass(3 * deadPings, 'b');
    expect(service.text).to.equal('1 a -');
    expect(service.views.trouble).to.equal('view 1 waits for its primary a to acknowledge it');
    const second = Service.ofTwo().pass(2 * deadPings, 'b');
    expect(second.text).to.equal('3 b - acknowledged');
    second.ping('c', 0, 1).pass(2 * deadPings, 'c');
    expect(second.text, 'b never says 4').to.equal('4 b c');
    expect(second.views.trouble).to.equal('view 4 waits for its primary b to acknowledge it');
  });

  it('promote the backup when the primary is silent for longer than so many ticks, and fill its place at once', () => {
    const service = Service.ofTwo().pass(1, 'a', 'b');
    service.ping('c', 0, 1).pass(deadPings - 1, 'b', 'c');
    expect(service.text).to.equal('2 a b acknowledged');
    expect(service.pass(1, 'b', 'c').text).to.equal('3 b c');
  });

  it('promote no backup that has not said that it has the state', () => {
    const service = new Service().ping('a', 0, 1).ping('a', 1, 1).ping('b', 0, 1).ping('a', 2, 1);
    for (let tick = 0; tick < 3 * deadPings; tick += 1) {
      service.ping('b', 0, 1).views.tick();
    }
    expect(service.text).to.equal('2 a b acknowledged');
    expect(service.views.trouble).to.equal(
      'view 2: its only holder of the data a is gone; a restarted server is empty and cannot take over',
    );
    expect(service.ping('a', 2, 1).views.trouble, 'it was only silent').to.equal('');
  });

  it('take a member that has restarted for dead', () => {
    expect(Service.ofTwo().ping('a', 0, 2).text, 'primary').to.equal('3 b a');
    expect(Service.ofTwo().ping('b', 0, 2).text, 'backup; nobody else is there').to.equal('3 a b');
    expect(Service.ofTwo().ping('c', 0, 1).ping('b', 0, 2).text).to.equal('3 a c');
    expect(Service.ofTwo().ping('a', 0).text, 'one without incarnation').to.equal('3 b a');
  });

  it('take what comes late from a process for nothing', () => {
    const service = Service.ofTwo().ping('a', 0, 1).ping('b', 0, 1);
    expect(service.text, 'a 0 that was said before').to.equal('2 a b acknowledged');
    service.ping('b', 0, 2).ping('a', 3, 1).ping('b', 3, 2);
    expect(service.text).to.equal('3 a b acknowledged');
    service.ping('b', 0, 1).ping('b', 3, 1);
    expect(service.text, 'of the process before').to.equal('3 a b acknowledged');
    for (let tick = 0; tick < 2 * deadPings; tick += 1) service.ping('b', 0, 1).ping('b', 3, 1).pass(1, 'a');
    expect(service.text, 'nor does it keep its server alive').to.equal('4 a - acknowledged');
  });

  // b restarts twice, and what its second process said comes after the third has spoken.
  describe('when a ping of a process between two others is late', () => {
    it('hear the third again when it is an idle server, and only it', () => {
      const service = Service.ofTwo().ping('c', 0, 1).ping('c', 0, 3).ping('c', 2, 3).ping('c', 0, 2);
      service.pass(deadPings + 1, 'a', 'b', 'c3');
      expect(service.isAlive('c'), 'the second may be there').to.equal(false);
      expect(service.pass(1, 'a', 'b', 'c3').isAlive('c')).to.equal(true);
      expect(service.ping('c', 0, 2).pass(deadPings + 1, 'a', 'c3').text, 'b is gone').to.equal(
        '3 a c acknowledged',
      );
    });

    it('hear the third again when it pulls the state as the backup', () => {
      const service = Service.ofTwo().ping('b', 0, 3).ping('b', 0, 2).ping('a', 3, 1);
      expect(service.text).to.equal('3 a b acknowledged');
      service.ping('b', 3, 3);
      expect(service.views.isBackupReady, 'on the word of the second or the third').to.equal(false);
      service.pass(deadPings + 1, 'a', 'b3');
      expect(service.text, 'the second was not there').to.equal('4 a -');
      expect(service.pass(1, 'a', 'b3').text).to.equal('5 a b');
      expect(service.views.isBackupReady, 'in view 5').to.equal(false);
      service.pass(1, 'a', 'b3');
      expect(service.text).to.equal('5 a b acknowledged');
      expect(service.views.isBackupReady).to.equal(true);
    });

    it('let a backup that had the state pull it anew, and count on it then', () => {
      const service = Service.ofTwo().ping('b', 0, 3).ping('a', 3, 1).ping('b', 3, 3);
      expect(service.views.isBackupReady).to.equal(true);
      service.ping('b', 0, 2);
      expect(service.text).to.equal('4 a b');
      service.ping('a', 4, 1).ping('b', 3, 3).ping('b', 0, 3);
      expect(service.views.isBackupReady, 'what it says of the view before').to.equal(false);
      service.ping('b', 4, 3);
      expect(service.views.isBackupReady).to.equal(true);
      expect(service.pass(deadPings + 1, 'b3').text).to.equal('5 b -');
    });

    it('let a primary whose backup took over come back as the backup', () => {
      const service = Service.ofTwo().ping('a', 0, 0);
      expect(service.text).to.equal('3 b a');
      service.ping('b', 3, 1).ping('a', 0, 1).ping('a', 3, 1);
      expect(service.text).to.equal('3 b a acknowledged');
      expect(service.views.isBackupReady).to.equal(true);
    });

    it('go on with a primary that is alone', () => {
      const service = new Service().ping('b', 0, 3).ping('b', 1, 3).ping('b', 0, 2);
      const trouble = 'view 1: its only holder of the data b is gone';
      expect(service.views.trouble).to.include(trouble);
      service.ping('b', 1, 3).ping('b', 0, 2);
      expect(service.views.trouble, 'said again').to.include(trouble);
      expect(service.pass(1, 'b3').views.trouble).to.equal('');
      expect(service.ping('a', 0, 1).text).to.equal('2 b a');
    });

    it('go on with a primary that has yet to acknowledge its view', () => {
      const service = Service.ofTwo().ping('a', 0, 2).ping('b', 0, 0);
      expect(service.text).to.equal('3 b a');
      expect(service.views.trouble).to.equal('view 3 waits for its primary b to acknowledge it');
      expect(service.ping('b', 3, 1).text).to.equal('3 b a acknowledged');
      expect(service.views.trouble).to.equal('');
      const withBackup = Service.ofTwo().ping('a', 0, 2).ping('a', 3, 2).ping('b', 0, 0);
      expect(withBackup.views.isBackupReady, 'and could take over').to.equal(true);
      expect(withBackup.ping('b', 3, 1).text).to.equal('3 b a acknowledged');
    });

    it('hear the third again when it is the first primary', () => {
      const service = new Service()
        .ping('a', 0, 3)
        .ping('a', 0, 2)
        .pass(deadPings + 1, 'a3');
      expect(service.text, 'the second may be there').to.equal('1 a -');
      expect(service.pass(1, 'a3').text).to.equal('1 a - acknowledged');
    });

    it('take no silence for proof in a member of the view', () => {
      const service = new Service().ping('b', 0, 1).ping('a', 0, 1).ping('b', 1, 1);
      service
        .ping('a', 0, 3)
        .ping('a', 0, 2)
        .pass(deadPings + 1);
      expect(service.ping('a', 2, 3).text).to.equal('2 b a');
      expect(service.views.isBackupReady).to.equal(false);
    });

    it('take nobody but the process that was promoted for the primary', () => {
      const service = new Service().ping('a', 0, 1).ping('a', 1, 1).ping('b', 0, 1).ping('a', 2, 1);
      service.ping('b', 0, 2).pass(deadPings + 1, 'b2');
      expect(service.text).to.equal('3 b -');
      expect(service.ping('b', 3, 1).text).to.equal('3 b -');
      expect(service.pass(deadPings + 1).ping('b', 3, 1).text, 'however silent that is').to.equal('3 b -');
      expect(service.ping('b', 3, 2).text).to.equal('3 b - acknowledged');
    });
  });

  it('notice the restart of the only holder of the data at once, and until its last process comes back', () => {
    const service = new Service().ping('a', 0, 1).ping('a', 1, 1).ping('a', 0, 2);
    const trouble = 'view 1: its only holder of the data a is gone';
    expect(service.views.trouble).to.include(trouble);
    for (let tick = 0; tick < 3 * deadPings; tick += 1) service.ping('a', 0, 2).ping('b', 1, 1).pass(1);
    expect(service.text).to.equal('1 a - acknowledged');
    expect(service.views.trouble).to.include(trouble);
    service.ping('a', 1, 2);
    expect(service.views.trouble, 'it never had the data').to.include(trouble);
  });

  it('promote the backup of a primary that restarted before the backup had the state', () => {
    const service = new Service().ping('a', 0, 1).ping('a', 1, 1).ping('b', 0, 1).ping('a', 2, 1);
    expect(service.ping('a', 0, 2).text).to.equal('2 a b acknowledged');
    expect(service.ping('b', 2, 1).text).to.equal('3 b a');
  });

  it('let a new process take the place of one that had nothing to lose', () => {
    const first = new Service().ping('a', 0, 1).ping('a', 0, 2).ping('a', 1, 1);
    expect(first.text, 'the process before acknowledges nothing').to.equal('1 a -');
    expect(first.ping('a', 1, 2).text).to.equal('1 a - acknowledged');
    const backup = new Service().ping('a', 0, 1).ping('a', 1, 1).ping('b', 0, 1).ping('a', 2, 1);
    expect(backup.ping('b', 0, 2).text, 'no new view').to.equal('2 a b acknowledged');
  });

  it('never come back from a primary that was promoted and has restarted', () => {
    const service = Service.ofTwo().ping('a', 0, 2).ping('b', 0, 2).ping('b', 3, 2);
    expect(service.text).to.equal('3 b a');
    expect(service.views.trouble).to.equal('view 3 waits for its primary b to acknowledge it');
  });

  it('have a limit of servers, and name it', () => {
    const service = new Service();
    for (let server = 0; server < 1000; server += 1) service.ping(`s${server}`, 1, 1);
    expect(() => service.ping('one-more', 0, 1)).to.throw(RangeError, '1000');
  });

  it('keep the rules of the seed whatever comes', () => {
    console.log(`      seed ${seed}`);
    let viewCount = 0;
    for (let round = 0; round < 300; round += 1) {
      viewCount += wander(randomFor(`views ${round}`));
    }
    expect(viewCount, 'views').to.be.above(1000);
  });
});

/** Random pings and ticks; answers how many views came of them. */
function wander(random: Random): number {
  const below = (bound: number) => random.below(bound);
  const service = new Service();
  const names = ['a', 'b', 'c', 'd'];
  const processes = new Map(names.map((name) => [name, 1]));
  const saidInView = new Set<string>();
  for (let step = 0; step < 400; step += 1) {
    const before = service.views.view;
    const wasAcknowledged = service.views.isAcknowledged;
    const name = names[below(names.length)]!;
    const kind = below(20);
    if (kind < 6) service.views.tick();
    else if (kind === 6) {
      processes.set(name, processes.get(name)! + 1);
      service.ping(name, 0, processes.get(name));
    } else {
      const viewNumber = below(4) === 0 ? below(before.viewNumber + 1) : before.viewNumber;
      if (viewNumber === before.viewNumber) saidInView.add(`${viewNumber} ${name}`);
      service.ping(name, viewNumber, processes.get(name));
    }
    expectSuccession(before, wasAcknowledged, service.views.view, saidInView);
  }
  return service.views.view.viewNumber;
}

function expectSuccession(
  before: View,
  wasAcknowledged: boolean,
  after: View,
  said: ReadonlySet<string>,
): void {
  expect(after.primary === undefined || after.primary !== after.backup).to.equal(true);
  if (after.viewNumber === before.viewNumber) {
    expect(after).to.deep.equal(before);
    return;
  }
  expect(after.viewNumber).to.equal(before.viewNumber + 1);
  if (before.viewNumber === 0) return;
  // The ping that brings the acknowledgement may bring the next view.
  expect(wasAcknowledged || said.has(`${before.viewNumber} ${before.primary}`), 'acknowledged').to.equal(
    true,
  );
  expect([before.primary, before.backup]).to.include(after.primary);
  if (after.primary === before.backup) {
    expect(said.has(`${before.viewNumber} ${before.backup}`), 'the backup had the state').to.equal(true);
  }
}
