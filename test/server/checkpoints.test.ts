import { expect } from 'chai';
import { majorityOf, replicaId } from '../../src/log/ids.js';
import { Checkpoints, type CheckpointVerdict } from '../../src/server/checkpoints.js';

const digestOf = (text: string): Uint8Array => Buffer.from(text);

/** Replica 1 of so many, with what it is told. */
class Comparison {
  readonly told: CheckpointVerdict[] = [];
  readonly checkpoints: Checkpoints;

  constructor(memberCount: number) {
    this.checkpoints = new Checkpoints({
      me: replicaId(1),
      memberCount,
      majority: majorityOf(memberCount),
      told: (verdict) => this.told.push(verdict),
    });
  }

  passed(slot: number, digest: string): void {
    this.checkpoints.passed({ slot, digest: digestOf(digest) });
  }

  heard(peer: number, slot: number, digest: string): void {
    this.checkpoints.heard(replicaId(peer), { slot, digest: digestOf(digest) });
  }

  get agreedSlot(): number | undefined {
    return this.checkpoints.agreed?.slot;
  }
}

describe('the comparison of checkpoints', () => {
  it('agrees on a checkpoint once a majority has one digest, this replica among it', () => {
    const three = new Comparison(3);
    three.passed(1024, 'same');
    expect(three.agreedSlot, 'alone').to.equal(undefined);
    three.heard(2, 1024, 'same');
    expect(three.agreedSlot).to.equal(1024);
    expect(three.checkpoints.agreed?.digest).to.deep.equal(digestOf('same'));
    const five = new Comparison(5);
    five.passed(1024, 'same');
    five.heard(2, 1024, 'same');
    expect(five.agreedSlot, 'two of five').to.equal(undefined);
    five.heard(2, 1024, 'same');
    expect(five.agreedSlot, 'one that says it twice').to.equal(undefined);
    five.heard(5, 1024, 'same');
    expect(five.agreedSlot).to.equal(1024);
    expect([...three.told, ...five.told]).to.deep.equal([]);
  });

  it('agrees with itself where it is the only member', () => {
    const alone = new Comparison(1);
    alone.passed(1024, 'any');
    expect(alone.agreedSlot).to.equal(1024);
  });

  it('tells this replica once that it differs from a majority, and agrees on nothing with it', () => {
    const three = new Comparison(3);
    three.passed(1024, 'mine');
    three.heard(2, 1024, 'theirs');
    expect(three.told, 'one other is no majority').to.deep.equal([]);
    three.heard(3, 1024, 'theirs');
    three.heard(3, 1024, 'theirs');
    three.passed(2048, 'mine');
    three.heard(2, 2048, 'theirs');
    three.heard(3, 2048, 'theirs');
    expect(three.told).to.deep.equal([{ kind: 'diverged', slot: 1024 }]);
    expect(three.agreedSlot).to.equal(undefined);
  });

  it('says nothing when another one differs, and goes on agreeing with the majority', () => {
    const three = new Comparison(3);
    three.heard(3, 1024, 'wrong');
    three.passed(1024, 'same');
    three.heard(2, 1024, 'same');
    expect(three.told).to.deep.equal([]);
    expect(three.agreedSlot).to.equal(1024);
  });

  it('tells once of a checkpoint at which no majority shares a digest, after all have told theirs', () => {
    const three = new Comparison(3);
    three.passed(1024, 'a');
    three.heard(2, 1024, 'b');
    expect(three.told, 'the third may yet decide it').to.deep.equal([]);
    three.heard(3, 1024, 'c');
    three.heard(2, 1024, 'b');
    expect(three.told).to.deep.equal([{ kind: 'no-majority', slot: 1024 }]);
    three.passed(2048, 'a');
    three.heard(2, 2048, 'b');
    three.heard(3, 2048, 'c');
    expect(three.told.map(({ slot }) => slot)).to.deep.equal([1024, 2048]);
    expect(three.agreedSlot).to.equal(undefined);
  });

  it('takes two halves for no majority', () => {
    for (const digests of [['b'], ['a', 'b', 'b']]) {
      const even = new Comparison(digests.length + 1);
      even.passed(1024, 'a');
      digests.forEach((digest, index) => even.heard(index + 2, 1024, digest));
      expect(even.told).to.deep.equal([{ kind: 'no-majority', slot: 1024 }]);
    }
  });

  it('tells a replica that differs from a majority also after it was told that there is none', () => {
    const three = new Comparison(3);
    three.passed(1024, 'mine');
    three.passed(2048, 'mine');
    three.heard(2, 2048, 'b');
    three.heard(3, 2048, 'c');
    three.heard(2, 1024, 'theirs');
    three.heard(3, 1024, 'theirs');
    expect(three.told).to.deep.equal([
      { kind: 'no-majority', slot: 2048 },
      { kind: 'diverged', slot: 1024 },
    ]);
  });

  it('calls a checkpoint disputed while a majority has told and none is shared by one, until a later one is agreed', () => {
    const five = new Comparison(5);
    five.passed(1024, 'a');
    five.heard(2, 1024, 'b');
    expect(five.checkpoints.disputed, 'two of five have told').to.equal(undefined);
    five.heard(3, 1024, 'a');
    expect(five.checkpoints.disputed).to.equal(1024);
    expect(five.told, 'two may yet decide it').to.deep.equal([]);
    five.heard(4, 1024, 'a');
    expect(five.checkpoints.disputed).to.equal(undefined);
    for (const [peer, digest] of [
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ] as const) {
      if (peer === 1) five.passed(2048, digest);
      else five.heard(peer, 2048, digest);
    }
    expect(five.checkpoints.disputed).to.equal(2048);
    five.passed(3072, 'a');
    for (const peer of [2, 3]) five.heard(peer, 3072, 'a');
    expect(five.checkpoints.disputed).to.equal(undefined);
  });

  it('disputes nothing where nobody else has told', () => {
    const three = new Comparison(3);
    three.passed(1024, 'mine');
    expect(three.checkpoints.disputed).to.equal(undefined);
  });

  it('holds what peers ahead have told against its own when it gets there', () => {
    const three = new Comparison(3);
    three.heard(2, 1024, 'theirs');
    three.heard(2, 2048, 'later');
    three.heard(3, 1024, 'theirs');
    expect(three.told).to.deep.equal([]);
    three.passed(1024, 'mine');
    expect(three.told).to.deep.equal([{ kind: 'diverged', slot: 1024 }]);
  });

  it('compares with peers behind by its own earlier checkpoints, and never goes back', () => {
    const three = new Comparison(3);
    for (const slot of [1024, 2048, 3072]) three.passed(slot, `state ${slot}`);
    three.heard(2, 2048, 'state 2048');
    expect(three.agreedSlot).to.equal(2048);
    three.heard(3, 1024, 'state 1024');
    expect(three.agreedSlot).to.equal(2048);
    three.heard(3, 3072, 'state 3072');
    expect(three.agreedSlot).to.equal(3072);
    expect(three.checkpoints.latest?.slot).to.equal(3072);
  });

  it('forgets what lies more than 64 checkpoints back', () => {
    const three = new Comparison(3);
    for (let checkpoint = 1; checkpoint <= 66; checkpoint += 1) three.passed(1024 * checkpoint, 'same');
    three.heard(2, 1024 * 2, 'same');
    expect(three.agreedSlot, 'the second of 66').to.equal(undefined);
    three.heard(2, 1024 * 3, 'same');
    expect(three.agreedSlot, 'the third').to.equal(1024 * 3);
  });
});
