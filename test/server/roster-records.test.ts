import { expect } from 'chai';
import fc from 'fast-check';
import type { Header } from '../../src/log/header.js';
import { incarnation, replicaId } from '../../src/log/ids.js';
import { Roster, type RecordedPeers } from '../../src/log/roster.js';
import { pinRecord, recordedPeers, RosterRecords } from '../../src/server/roster-records.js';
import type { LogRecord } from '../../src/storage/log-record.js';
import { FakeClock } from '../support/fake-clock.js';
import { clusterId, doneEntry, headerOf, incarnationOf, membersOf } from '../support/rosters.js';

/** Replica 1 of three, with what its disk had on record. */
const rosterFrom = (recorded?: RecordedPeers): Roster =>
  new Roster({
    members: membersOf(3),
    me: replicaId(1),
    clusterId,
    incarnation: incarnationOf(1),
    clock: new FakeClock(),
    introductions: 'none',
    ...(recorded === undefined ? {} : { recorded }),
  });

const from = (peer: number, changes: Partial<Header> = {}): Header =>
  headerOf({ from: replicaId(peer), incarnation: incarnationOf(peer), ...changes });

/** What a restart must find again: pins with the peers' logs, and the Done values of the others. */
const known = (roster: Roster) => ({
  pins: [...roster.pins()].sort((left, right) => left.replica - right.replica),
  done: roster.done
    .entries()
    .filter(({ replica, through }) => replica !== roster.me && through !== undefined)
    .sort((left, right) => left.replica - right.replica),
});

/** A roster whose records are collected as the log would. */
class Recorder {
  readonly log: LogRecord[] = [];
  readonly records: RosterRecords;

  constructor(readonly roster: Roster) {
    this.records = new RosterRecords(roster);
  }

  frame(...others: readonly LogRecord[]): void {
    this.log.push(...this.records.changed(), ...others);
  }

  pin(peer: number): void {
    const id = replicaId(peer);
    const unpinned = this.roster.toPin(id);
    if (unpinned === undefined) return;
    this.frame(pinRecord({ replica: id, incarnation: unpinned }));
    this.roster.pinned(id);
  }

  restarted(): Roster {
    return rosterFrom(recordedPeers(this.log));
  }
}

describe('the records of a roster', () => {
  it('bring back who is on record, how far their logs reached, and what they are done with', () => {
    const recorder = new Recorder(rosterFrom());
    recorder.roster.admit(
      from(2, { bootCounter: 3, durableLsn: 40, done: [doneEntry(2, 7), doneEntry(3, 5)] }),
    );
    recorder.pin(2);
    recorder.frame();
    const restarted = recorder.restarted();
    expect(restarted.pins()).to.deep.equal([
      {
        replica: 2,
        incarnation: incarnationOf(2),
        log: { bootCounter: 3, durableLsn: 40, earlierDurableLsn: 0 },
      },
    ]);
    expect(restarted.done.throughOf(replicaId(2))).to.equal(7);
    expect(restarted.done.throughOf(replicaId(3))).to.equal(5);
    expect(restarted.toPin(replicaId(2)), 'need not be pinned again').to.equal(undefined);
  });

  it('keep the latest start of a peer apart from the earlier ones, over any number of own restarts', () => {
    let recorder = new Recorder(rosterFrom());
    const expected = [
      { bootCounter: 1, durableLsn: 10, earlierDurableLsn: 0 },
      { bootCounter: 2, durableLsn: 12, earlierDurableLsn: 10 },
      { bootCounter: 4, durableLsn: 11, earlierDurableLsn: 12 },
      { bootCounter: 5, durableLsn: 30, earlierDurableLsn: 12 },
    ];
    for (const log of expected) {
      recorder.roster.admit(from(2, log));
      recorder.pin(2);
      recorder.frame();
      const next = new Recorder(recorder.restarted());
      next.log.push(...recorder.log);
      expect(next.roster.pins().map((pin) => pin.log)).to.deep.equal([log]);
      recorder = next;
    }
  });

  it('write nothing of a peer that is not on record itself, and only what has risen', () => {
    const recorder = new Recorder(rosterFrom());
    recorder.roster.admit(from(2, { bootCounter: 1, durableLsn: 4, done: [doneEntry(2, 1)] }));
    expect(recorder.records.changed().map(({ kind }) => kind)).to.deep.equal(['done']);
    expect(recorder.records.changed()).to.deep.equal([]);
    recorder.pin(2);
    expect(recorder.records.changed().map(({ kind, slot }) => [kind, slot])).to.deep.equal([['peer-lsn', 4]]);
    expect(recorder.records.changed()).to.deep.equal([]);
    recorder.roster.admit(from(2, { bootCounter: 1, durableLsn: 3 }));
    expect(recorder.records.changed(), 'a message that was overtaken').to.deep.equal([]);
    recorder.roster.admit(from(2, { bootCounter: 1, durableLsn: 5, done: [doneEntry(2, 2)] }));
    expect(recorder.records.changed().map(({ kind, slot }) => [kind, slot])).to.deep.equal([
      ['done', 3],
      ['peer-lsn', 5],
    ]);
  });

  it('lose nothing when a peer is put on record a second time', () => {
    const recorder = new Recorder(rosterFrom());
    recorder.roster.admit(from(2, { bootCounter: 2, durableLsn: 9 }));
    recorder.pin(2);
    // Two greetings at once: the second pin was on its way when the first had been synced.
    recorder.frame(pinRecord({ replica: replicaId(2), incarnation: incarnationOf(2) }));
    expect(recorder.restarted().pins()).to.deep.equal(recorder.roster.pins());
  });

  it('take nothing over from an incarnation that is not the one on record', () => {
    const recorder = new Recorder(rosterFrom());
    recorder.roster.admit(from(2, { bootCounter: 2, durableLsn: 9 }));
    recorder.pin(2);
    recorder.frame();
    const stranger = incarnation('another-process');
    recorder.log.push(pinRecord({ replica: replicaId(2), incarnation: stranger }));
    expect(recordedPeers(recorder.log).pins).to.deep.equal([
      { replica: 2, incarnation: stranger, log: { bootCounter: 0, durableLsn: 0, earlierDurableLsn: 0 } },
    ]);
  });

  it('tell the own pin apart from the others: it says that the directory has been shown', () => {
    const recorder = new Recorder(rosterFrom());
    const own = { replica: replicaId(1), incarnation: incarnationOf(1) };
    expect(recordedPeers(recorder.records.all(undefined)).pins).to.deep.equal([]);
    const { pins } = recordedPeers(recorder.records.all(own));
    expect(pins.map(({ replica }) => replica)).to.deep.equal([1]);
    expect(rosterFrom({ pins, done: [] }).pins(), 'nobody is his own peer').to.deep.equal([]);
  });

  interface Move {
    readonly what: 'message' | 'frame' | 'pin' | 'say-all-again';
    readonly peer: number;
    readonly boot: number;
    readonly lsn: number;
    readonly through: number;
  }

  const moves = fc.array(
    fc.record<Move>({
      what: fc.constantFrom('message', 'message', 'message', 'frame', 'pin', 'say-all-again'),
      peer: fc.integer({ min: 2, max: 3 }),
      boot: fc.integer({ min: 1, max: 4 }),
      lsn: fc.integer({ min: 0, max: 20 }),
      through: fc.integer({ min: 0, max: 9 }),
    }),
    { maxLength: 40 },
  );

  it('come to what was live, whatever was said in whatever order, and all of it said once suffices alone', () => {
    fc.assert(
      fc.property(moves, (steps) => {
        const recorder = new Recorder(rosterFrom());
        let said: readonly LogRecord[] = [];
        for (const { what, peer, boot, lsn, through } of steps) {
          if (what === 'frame') recorder.frame();
          else if (what === 'pin') recorder.pin(peer);
          else if (what === 'say-all-again') {
            // Computed now and written after whatever frames come in between.
            recorder.log.push(...said);
            said = recorder.records.all(undefined);
          } else {
            recorder.roster.admit(
              from(peer, { bootCounter: boot, durableLsn: lsn, done: [doneEntry(peer, through)] }),
            );
          }
        }
        recorder.frame();
        recorder.log.push(...said);
        const live = known(recorder.roster);
        expect(known(recorder.restarted())).to.deep.equal(live);
        expect(known(rosterFrom(recordedPeers(recorder.records.all(undefined))))).to.deep.equal(live);
      }),
    );
  });
});
