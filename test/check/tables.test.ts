import { expect } from 'chai';
import { OperationList, none } from '../../src/check/operation-list.js';
import { emptyState, missingState, StateTable } from '../../src/check/state-table.js';
import { Visited } from '../../src/check/visited.js';
import { randomFor, seed } from '../scenarios/report.js';
import { pick } from '../support/history-random.js';

describe('the table of values', () => {
  it(`gives equal values one number, however they grew, and others another (seed ${seed})`, () => {
    const random = randomFor('the table of values');
    const table = new StateTable();
    const stateOf = new Map<string, number>([['', emptyState]]);
    const texts = [''];
    for (let step = 0; step < 20_000; step += 1) {
      const before = pick(random, texts);
      const suffix = pick(random, ['', 'a', 'b', 'ab', 'ba', 'é', 'aab']);
      const text = before.length > 40 ? suffix : before + suffix;
      const state = text === suffix ? table.of(text) : table.appended(table.of(before), suffix);
      expect(table.text(state)).to.equal(text);
      if (stateOf.has(text)) expect(state, text).to.equal(stateOf.get(text));
      else expect([...stateOf.values()], text).to.not.include(state);
      if (!stateOf.has(text) && texts.length < 200) texts.push(text);
      if (stateOf.size < 400 || stateOf.has(text)) stateOf.set(text, state);
    }
  });

  it(`tells values apart whose hashes are the same (seed ${seed})`, () => {
    const random = randomFor('values whose hashes are the same');
    const table = new StateTable();
    // So many that some ten pairs have the same 32-bit hash.
    const texts = new Set(Array.from({ length: 300_000 }, () => random.hex(12)));
    const states = new Set([...texts].map((text) => table.of(text)));
    expect(states.size).to.equal(texts.size);
  });

  it('tells a missing key from an empty value, and lets both grow', () => {
    const table = new StateTable();
    expect(table.of('')).to.equal(emptyState).and.to.not.equal(missingState);
    expect(table.appended(missingState, '')).to.equal(emptyState);
    expect(table.appended(missingState, 'x')).to.equal(table.of('x'));
  });

  it(`knows what a value can grow into (seed ${seed})`, () => {
    const random = randomFor('what a value can grow into');
    const table = new StateTable();
    const states = [missingState, emptyState];
    for (let step = 0; step < 60; step += 1) {
      states.push(
        table.appended(pick(random, states), pick(random, ['a', 'b', 'ab'])),
        table.of(pick(random, ['a', 'ab', 'b'])),
      );
    }
    for (const state of states) {
      for (const later of states) {
        const expected =
          state === missingState ||
          (later !== missingState && table.text(later).startsWith(table.text(state)));
        expect(table.growsInto(state, later), `"${table.text(state)}" into "${table.text(later)}"`).to.equal(
          expected,
        );
      }
    }
  });
});

describe('the set of what was visited', () => {
  it(`has each sequence once, whatever the hashes (seed ${seed})`, () => {
    const random = randomFor('the set of what was visited');
    const visited = new Visited();
    const twin = new Set<string>();
    for (let step = 0; step < 300_000; step += 1) {
      const numbers = Int32Array.from({ length: random.below(4) }, () =>
        random.below(step < 1000 ? 3 : 2 ** 31),
      );
      const text = numbers.join();
      expect(visited.add(numbers)).to.equal(!twin.has(text));
      twin.add(text);
    }
  });
});

describe('the list of operations', () => {
  it('gives back what is taken out in the reverse order', () => {
    const list = new OperationList(6, [4, 0, 5, 2]);
    const members = () => {
      const found: number[] = [];
      for (let member = list.after(none); member !== none; member = list.after(member)) found.push(member);
      return found;
    };
    expect(members()).to.deep.equal([4, 0, 5, 2]);
    for (const member of [0, 5, 4, 2]) list.take(member);
    expect(members()).to.deep.equal([]);
    for (const member of [2, 4, 5]) list.putBack(member);
    expect(members()).to.deep.equal([4, 5, 2]);
    list.putBack(0);
    expect(members()).to.deep.equal([4, 0, 5, 2]);
  });
});
