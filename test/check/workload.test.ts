import { expect } from 'chai';
import {
  Workload,
  appendsInARow,
  keyCountLimit,
  prefixLimitBytes,
  workloadKeys,
} from '../../src/check/workload.js';
import type { Operation, WriteOperation } from '../../src/kv/operation.js';
import { Store } from '../../src/kv/store.js';
import { operationProblem } from '../../src/kv/validate.js';
import { seededRandom } from '../../src/runtime/random.js';
import { randomFor, seed } from '../scenarios/report.js';

const prefix = 'some/';
const workloadOf = (client: string, keyCount: number, name = client): Workload =>
  new Workload({ random: randomFor(`workload ${name}`), prefix, keyCount, client });

const calls = (workload: Workload, count: number): Operation[] =>
  Array.from({ length: count }, () => workload.next());

const isWrite = (operation: Operation): operation is WriteOperation => operation.kind !== 'get';

describe(`the workload of clients (seed ${seed})`, () => {
  it('writes no value twice, and none that another begins with', () => {
    const clients = ['0', '1', '11', '1.1', 'x'].map((client) => workloadOf(client, 8));
    const values = clients.flatMap((client) => calls(client, 2000).filter(isWrite)).map(({ value }) => value);
    const sorted = [...values].sort();
    expect(new Set(values).size).to.equal(values.length);
    for (const [index, value] of sorted.entries()) {
      expect(sorted[index + 1]?.startsWith(value) ?? false, `${value} and ${sorted[index + 1]}`).to.equal(
        false,
      );
    }
  });

  it('reads 8, appends 6, puts 3 and hashes 3 times in 20, more puts where appends are bounded', () => {
    const operations = calls(workloadOf('mix', 64), 20_000);
    const share = (kind: Operation['kind']) =>
      operations.filter((operation) => operation.kind === kind).length / operations.length;
    expect(share('get')).to.be.within(0.38, 0.42);
    expect(share('put-hash')).to.be.within(0.135, 0.165);
    expect(share('append')).to.be.within(0.25, 0.31);
    expect(share('put') + share('append')).to.be.within(0.43, 0.47);
  });

  it('replaces a value after a few appends, so that no value outgrows its clients', () => {
    const clients = Array.from({ length: 16 }, (_client, index) => workloadOf(String(index), 1));
    const store = new Store();
    const rows = clients.map(() => 0);
    let longest = 0;
    for (let call = 0; call < 40_000; call += 1) {
      const index = call % clients.length;
      const operation = clients[index]!.next();
      if (!isWrite(operation)) continue;
      rows[index] = operation.kind === 'append' ? rows[index]! + 1 : 0;
      expect(rows[index]).to.be.at.most(appendsInARow);
      store.write(operation);
      longest = Math.max(longest, store.valueOf(operation.key).text.split(')').length);
    }
    expect(longest).to.be.within(5, clients.length * appendsInARow + 1);
  });

  it('uses every key, and lets one after the other be hot', () => {
    const keys = workloadKeys(prefix, 64);
    const inTurn = Array.from({ length: 64 }, (): string[] => []);
    for (let client = 0; client < 200; client += 1) {
      const workload = workloadOf(String(client), keys.length);
      for (let call = 0; call < 1024; call += 1) {
        inTurn[Math.floor(call / 16)]!.push(workload.next().key);
      }
    }
    for (const [turn, called] of inTurn.entries()) {
      const hot = new Set(Array.from({ length: 8 }, (_key, index) => keys[(turn + index) % keys.length]));
      const share = called.filter((key) => hot.has(key)).length / called.length;
      expect(share, `turn ${turn}`).to.be.within(0.5, 0.62);
    }
    expect(new Set(inTurn.flat())).to.deep.equal(new Set(keys));
  });

  it('reads what a call of unknown outcome was about, and goes on as if nothing had been', () => {
    const [one, other] = [workloadOf('a', 8), workloadOf('a', 8)];
    expect(one.next('some/k3')).to.deep.equal({ kind: 'get', key: 'some/k3' });
    expect(calls(one, 100)).to.deep.equal(calls(other, 100));
    expect(calls(workloadOf('a', 8, 'another seed'), 100)).not.to.deep.equal(calls(workloadOf('a', 8), 100));
  });

  it('makes keys that a store takes from the longest prefix', () => {
    const longest = 'x'.repeat(prefixLimitBytes);
    const key = workloadKeys(longest, keyCountLimit).at(-1)!;
    expect(operationProblem({ kind: 'get', key })).to.equal(undefined);
    expect(operationProblem({ kind: 'get', key: `x${key}` })).to.match(/limit/);
  });

  it('names what is wrong with its options', () => {
    for (const keyCount of [0, -1, 1.5, NaN, keyCountLimit + 1]) {
      expect(() => workloadOf('a', keyCount)).to.throw(RangeError, `keyCount is ${keyCount}`);
    }
    const wrong = { random: seededRandom(1), prefix, keyCount: 1, client: 'a)' };
    expect(() => new Workload(wrong)).to.throw(RangeError, 'parenthesis');
  });
});
