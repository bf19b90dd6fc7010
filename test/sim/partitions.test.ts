import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { partitionShapes, type PartitionShape } from '../../src/sim/fault.js';
import { partitionPhases, type PartitionPhase } from '../../src/sim/partitions.js';

const clients = ['client-1', 'client-2', 'client-3'];
const lastsMs = 4000;
const seeds = Array.from({ length: 100 }, (_seed, index) => index + 1);

interface Drawn {
  readonly seed: number;
  readonly servers: readonly string[];
  readonly victim: string;
  readonly rest: readonly string[];
  readonly phases: readonly PartitionPhase[];
}

/** What a shape cuts, drawn again and again. */
const drawn = (shape: PartitionShape, count: number): Drawn[] =>
  seeds.map((seed) => {
    const servers = Array.from({ length: count }, (_server, index) => `server-${index + 1}`);
    const victim = servers[seed % count]!;
    const hosts = { servers, victim, others: clients };
    const phases = partitionPhases(shape, hosts, seededRandom(seed), lastsMs);
    return { seed, servers, victim, rest: servers.filter((server) => server !== victim), phases };
  });

/** Who can say something to whom. */
class Talk {
  readonly #cut: ReadonlySet<string>;

  constructor({ cut }: PartitionPhase) {
    this.#cut = new Set(cut.map((direction) => direction.join('>')));
  }

  hears(from: string, to: string): boolean {
    return !this.#cut.has(`${from}>${to}`);
  }

  /** Whether they can talk, which has to be the same in both directions. */
  both(one: string, other: string): boolean {
    const open = this.hears(one, other);
    expect(this.hears(other, one), `${one} and ${other}`).to.equal(open);
    return open;
  }

  /** Whom a host can talk with, both ways. */
  neighbours(host: string, among: readonly string[]): string[] {
    return among.filter((other) => other !== host && this.both(host, other));
  }
}

/** The one state of cuts that lasts for the whole partition. */
function onlyPhase({ phases, seed }: Drawn): Talk {
  expect(phases, `seed ${seed}`).to.have.length(1);
  expect(phases[0]!.lastsMs).to.equal(lastsMs);
  return new Talk(phases[0]!);
}

const pairs = (hosts: readonly string[]): [string, string][] =>
  hosts.flatMap((one, index) => hosts.slice(index + 1).map((other): [string, string] => [one, other]));

const allTalk = (talk: Talk, hosts: readonly string[]): boolean =>
  pairs(hosts).every(([one, other]) => talk.both(one, other));

describe('partitions', () => {
  for (const count of [3, 5]) {
    describe(`of ${count} servers`, () => {
      it('full: two groups, each whole, with nothing between them, and clients that lose one side at the most', () => {
        const sizes = new Set<number>();
        for (const each of drawn('full', count)) {
          const talk = onlyPhase(each);
          const [first] = each.servers;
          const left = [first!, ...talk.neighbours(first!, each.servers)];
          const right = each.servers.filter((server) => !left.includes(server));
          expect(right).not.to.have.length(0);
          sizes.add(left.length);
          expect([allTalk(talk, left), allTalk(talk, right)]).to.deep.equal([true, true]);
          for (const one of left) {
            for (const other of right) expect(talk.both(one, other)).to.equal(false);
          }
          for (const client of clients) {
            const reached = talk.neighbours(client, each.servers);
            expect([each.servers, left, right]).to.deep.include(reached);
          }
        }
        expect(sizes.size).to.equal(count - 1);
      });

      it('isolated: one is cut off from all, and the rest is whole', () => {
        const reachable = new Set<number>();
        for (const each of drawn('isolated', count)) {
          const talk = onlyPhase(each);
          for (const other of each.rest) expect(talk.both(each.victim, other)).to.equal(false);
          expect(allTalk(talk, each.rest)).to.equal(true);
          reachable.add(talk.neighbours(each.victim, clients).length);
          for (const client of clients) expect(talk.neighbours(client, each.rest)).to.have.length(count - 1);
        }
        expect([...reachable].sort()).to.deep.equal([0, clients.length]);
      });

      it('one-way: one hears nobody, or is heard by nobody, and the rest is whole', () => {
        const ways = new Set<string>();
        for (const each of drawn('one-way', count)) {
          const talk = onlyPhase(each);
          const heard = each.rest.map((other) => talk.hears(each.victim, other));
          const hears = each.rest.map((other) => talk.hears(other, each.victim));
          expect(new Set(heard).size + new Set(hears).size).to.equal(2);
          expect(heard[0]).not.to.equal(hears[0]);
          ways.add(`${heard[0]}`);
          expect(allTalk(talk, each.rest)).to.equal(true);
        }
        expect(ways.size).to.equal(2);
      });

      it('star: all talk with the one in the middle, and with nobody else', () => {
        for (const each of drawn('star', count)) {
          const talk = onlyPhase(each);
          for (const other of each.rest) {
            expect(talk.both(each.victim, other)).to.equal(true);
            expect(talk.neighbours(other, each.servers)).to.deep.equal([each.victim]);
          }
        }
      });

      it('constrained: one is cut off from all, and of the rest all talk with only one', () => {
        for (const each of drawn('constrained', count)) {
          const talk = onlyPhase(each);
          expect(talk.neighbours(each.victim, each.servers)).to.deep.equal([]);
          const hubs = each.rest.filter(
            (server) => talk.neighbours(server, each.servers).length === count - 2,
          );
          expect(hubs).to.have.length(count === 3 ? 2 : 1);
          for (const server of each.rest) {
            if (!hubs.includes(server)) expect(talk.neighbours(server, each.servers)).to.deep.equal(hubs);
          }
        }
      });

      it('chained: a line on which each talks with its neighbours', () => {
        for (const each of drawn('chained', count)) {
          const talk = onlyPhase(each);
          const ends = each.servers.filter((server) => talk.neighbours(server, each.servers).length === 1);
          expect(ends).to.have.length(2);
          const line = [ends[0]!];
          for (let last = line[0]; last !== undefined; last = line.at(-1)) {
            const next = talk.neighbours(last, each.servers).filter((server) => !line.includes(server));
            expect(next).to.have.length.at.most(1);
            if (next.length === 0) break;
            line.push(next[0]!);
          }
          expect(line).to.have.members([...each.servers]);
        }
      });

      it('flapping: links of one go and come', () => {
        for (const { victim, rest, phases } of drawn('flapping', count)) {
          expect(phases.map(({ cut }) => cut.length)).to.deep.equal([2, 0, 2 * rest.length, 0]);
          for (const phase of phases) {
            expect(phase.lastsMs).to.be.within(50, 700);
            expect(allTalk(new Talk(phase), rest)).to.equal(true);
            for (const direction of phase.cut) expect(direction).to.contain(victim);
          }
        }
      });

      it('swizzled: one after the other is cut off from all, and comes back, not always in that order', () => {
        let other = 0;
        for (const { servers, phases } of drawn('swizzled', count)) {
          const off = phases.map((phase) => {
            const talk = new Talk(phase);
            return servers.filter((server) => talk.neighbours(server, servers).length === 0);
          });
          const most = phases.length / 2;
          const total = phases.reduce((sum, phase) => sum + phase.lastsMs, 0);
          expect(total).to.be.closeTo(lastsMs, 0.001);
          // Who is left when all others are off has nobody to talk with either.
          const seen = (members: number) => (members >= count - 1 ? count : members);
          const expected = phases.map((_phase, index) =>
            seen(index < most ? index + 1 : 2 * most - 1 - index),
          );
          expect(off.map((hosts) => hosts.length)).to.deep.equal(expected);
          const gone = off.slice(0, most).map((hosts) => hosts.join());
          const back = off.slice(most - 1, -1).map((hosts) => hosts.join());
          if (gone.join(' ') !== back.reverse().join(' ')) other += 1;
        }
        expect(other).to.be.above(10);
      });
    });
  }

  it('are the same from the same chance', () => {
    for (const shape of partitionShapes) expect(drawn(shape, 5)).to.deep.equal(drawn(shape, 5));
  });
});
