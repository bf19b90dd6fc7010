import { expect } from 'chai';
import { incarnation, replicaId } from '../../src/log/ids.js';
import { unheardLog } from '../../src/log/roster.js';
import { VotingGate } from '../../src/log/voting-gate.js';
import { Admission, UnknownIncarnation, type AdmissionOptions } from '../../src/server/admission.js';
import type { HelloPin } from '../../src/server/hello.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { turns } from '../support/fake-clock.js';
import { incarnationOf, rosterOf } from '../support/rosters.js';

const me = replicaId(1);

/** How a peer has this replica on record. */
const own = (changes: Partial<HelloPin> = {}): HelloPin => ({
  replica: me,
  incarnation: incarnationOf(1),
  ...unheardLog,
  ...changes,
});

/** Replica 1 of so many, about to start. */
class Arrival {
  readonly gate = new VotingGate();
  readonly failures: unknown[] = [];
  readonly admission: Admission;
  recorded = 0;
  /** Ends the write of the own pin. */
  finishRecord: (error?: Error) => void = () => undefined;

  constructor(memberCount: number, changes: Partial<AdmissionOptions> = {}) {
    this.admission = new Admission({
      roster: rosterOf(1, memberCount),
      gate: this.gate,
      shown: false,
      recoveredLsn: 0,
      recordShown: () => {
        this.recorded += 1;
        return Promise.resolve();
      },
      failed: (error) => this.failures.push(error),
      ...changes,
    });
  }

  /** One whose own pin is durable when the test says so. */
  static slow(memberCount: number): Arrival {
    const arrival: Arrival = new Arrival(memberCount, {
      recordShown: () =>
        new Promise((resolve, reject) => {
          arrival.recorded += 1;
          arrival.finishRecord = (error) => (error === undefined ? resolve() : reject(error));
        }),
    });
    return arrival;
  }

  async start(): Promise<this> {
    this.admission.start();
    await turns();
    return this;
  }

  /** A peer answers the greeting with these pins. */
  async answered(peer: number, pins: readonly HelloPin[] = [own()]): Promise<void> {
    this.admission.heard(replicaId(peer), pins);
    this.admission.greeted(replicaId(peer));
    await turns();
  }

  /** A peer does not answer. */
  async silent(peer: number): Promise<void> {
    this.admission.greeted(replicaId(peer));
    await turns();
  }
}

/** How many of the others have to know a new replica before it votes. */
async function peersNeeded(memberCount: number): Promise<number> {
  const arrival = await new Arrival(memberCount).start();
  for (let peer = 2; peer <= memberCount; peer += 1) await arrival.silent(peer);
  let answered = 0;
  while (!arrival.gate.isOpen && answered < memberCount) {
    answered += 1;
    await arrival.answered(1 + answered);
  }
  return answered;
}

describe('the admission of a replica to the vote', () => {
  it('asks of a new one that a majority of the others has it on record', async () => {
    const needed: number[] = [];
    for (const memberCount of [1, 2, 3, 4, 5, 6, 7]) needed.push(await peersNeeded(memberCount));
    expect(needed).to.deep.equal([0, 1, 2, 2, 3, 3, 4]);
  });

  it('asks nobody of one that has been shown before, once all have been greeted', async () => {
    for (const memberCount of [1, 2, 3, 4, 5]) {
      const arrival = await new Arrival(memberCount, { shown: true }).start();
      for (let peer = 2; peer <= memberCount; peer += 1) {
        expect(arrival.gate.isOpen, `before replica ${peer} of ${memberCount}`).to.equal(false);
        await arrival.silent(peer);
      }
      expect(arrival.gate.isOpen, `${memberCount} replicas`).to.equal(true);
    }
  });

  it('waits for one greeting to each peer, and for no second one to a dead peer', async () => {
    const arrival = await new Arrival(5).start();
    for (const peer of [2, 3, 4]) await arrival.answered(peer);
    expect(arrival.gate.isOpen, 'replica 5 may yet know better').to.equal(false);
    await arrival.silent(5);
    expect(arrival.gate.isOpen).to.equal(true);
  });

  it('takes for confirmed only who has this very replica on record', async () => {
    const arrival = await new Arrival(3).start();
    await arrival.answered(2, []);
    await arrival.answered(3, [own({ replica: replicaId(2), incarnation: incarnationOf(2) })]);
    expect(arrival.gate.isOpen).to.equal(false);
    expect(arrival.admission.waitsFor).to.include('0 of the 2').and.to.include('replica 2, 3');
    await arrival.answered(2);
    await arrival.answered(2);
    expect(arrival.gate.isOpen, 'one peer counts once').to.equal(false);
    expect(arrival.admission.waitsFor).to.include('1 of the 2').and.to.include('waits for replica 3');
    await arrival.answered(3);
    expect(arrival.gate.isOpen).to.equal(true);
    expect(arrival.admission.waitsFor).to.equal('');
  });

  it('opens the gate only after it is durable that the replica has been shown', async () => {
    const arrival = await Arrival.slow(3).start();
    await arrival.answered(2);
    await arrival.answered(3);
    expect(arrival.recorded).to.equal(1);
    expect(arrival.gate.isOpen).to.equal(false);
    await arrival.answered(2);
    expect(arrival.recorded, 'written once').to.equal(1);
    arrival.finishRecord();
    await turns();
    expect(arrival.gate.isOpen).to.equal(true);
  });

  it('stops the replica if that cannot be written', async () => {
    const arrival = await Arrival.slow(3).start();
    await arrival.answered(2);
    await arrival.answered(3);
    const error = new Error('the disk is gone');
    arrival.finishRecord(error);
    await turns();
    expect(arrival.failures).to.deep.equal([error]);
    expect(arrival.gate.isOpen).to.equal(false);
  });

  it('is refused by one objection, naming both incarnations, however many agree', async () => {
    const arrival = await new Arrival(5).start();
    for (const peer of [2, 3, 4]) await arrival.answered(peer);
    await arrival.answered(5, [own({ incarnation: incarnation('lost-one') })]);
    const [failure] = arrival.failures;
    expect(failure).to.be.instanceOf(UnknownIncarnation);
    expect((failure as Error).message)
      .to.include('lost-one')
      .and.to.include('process-1');
    expect(arrival.gate.isOpen).to.equal(false);
  });

  it('is refused by a peer that refuses its greeting, and stays so', async () => {
    const arrival = await new Arrival(3).start();
    arrival.admission.refused(replicaId(2), 'replica 1 has come back');
    await arrival.silent(2);
    await arrival.answered(3);
    await arrival.answered(2);
    expect(arrival.failures).to.have.length(1);
    expect(arrival.failures[0]).to.be.instanceOf(UnknownIncarnation);
    expect((arrival.failures[0] as Error).message).to.include('replica 1 has come back');
    expect(arrival.gate.isOpen).to.equal(false);
  });

  it('keeps the gate shut if an objection comes while it is being written that the replica has been shown', async () => {
    const arrival = await Arrival.slow(3).start();
    await arrival.answered(2);
    await arrival.answered(3);
    arrival.admission.heard(replicaId(3), [own({ incarnation: incarnation('lost-one') })]);
    arrival.finishRecord();
    await turns();
    expect(arrival.failures).to.have.length(1);
    expect(arrival.gate.isOpen).to.equal(false);
  });

  it('is refused if a peer has seen its log reach further in an earlier start than it does now', async () => {
    const arrival = await new Arrival(3, { shown: true, recoveredLsn: 41 }).start();
    await arrival.answered(2, [own({ earlierDurableLsn: 42 })]);
    await arrival.answered(3, [own({ earlierDurableLsn: 41 })]);
    const [failure] = arrival.failures;
    expect(failure).to.be.instanceOf(StorageDamage);
    expect((failure as Error).message)
      .to.include('frame 41')
      .and.to.include('frame 42')
      .and.to.include('replica 2');
    expect(arrival.gate.isOpen).to.equal(false);
  });

  it('is refused if a peer has seen a later start of this directory', async () => {
    const arrival = await new Arrival(3, { shown: true, recoveredLsn: 41 }).start();
    await arrival.answered(2, [own({ bootCounter: 1, durableLsn: 3 })]);
    expect((arrival.failures[0] as Error).message)
      .to.include('start 1')
      .and.to.include('replica 2');
    expect(arrival.gate.isOpen).to.equal(false);
  });

  it('is refused if a peer has seen its log reach further in this very start: another copy ran it', async () => {
    const arrival = await new Arrival(3, { shown: true, recoveredLsn: 41 }).start();
    await arrival.answered(2, [own({ durableLsn: 1 })]);
    expect(arrival.failures[0]).to.be.instanceOf(StorageDamage);
    expect(arrival.gate.isOpen).to.equal(false);
  });

  it('goes on if its log reaches as far as any peer has seen, or further', async () => {
    const arrival = await new Arrival(3, { shown: true, recoveredLsn: 42 }).start();
    await arrival.answered(2, [own({ earlierDurableLsn: 42 })]);
    await arrival.answered(3, [own({ earlierDurableLsn: 7 })]);
    expect(arrival.failures).to.deep.equal([]);
    expect(arrival.gate.isOpen).to.equal(true);
  });

  it('is stopped also by a peer that comes back and knows better when the gate has long been open', async () => {
    for (const pin of [own({ earlierDurableLsn: 42 }), own({ incarnation: incarnation('lost-one') })]) {
      const arrival = await new Arrival(3, { shown: true, recoveredLsn: 41 }).start();
      await arrival.answered(2);
      await arrival.silent(3);
      expect(arrival.gate.isOpen).to.equal(true);
      await arrival.answered(3, [pin]);
      expect(arrival.failures).to.have.length(1);
    }
  });
});
