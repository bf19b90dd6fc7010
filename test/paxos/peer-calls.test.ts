import { expect } from 'chai';
import { PeerCalls } from '../../src/paxos/peer-calls.js';
import type { DecideReply, PaxosLink } from '../../src/paxos/messages.js';
import type { Enveloped } from '../../src/log/header.js';
import { incarnation, replicaId } from '../../src/log/ids.js';
import { turns } from '../support/fake-clock.js';
import { headerOf, rosterOf } from '../support/rosters.js';

const silent = () => new Promise<never>(() => undefined);

/** What replica 2 does with a decision; it answers nothing else. */
const linkOf = (decide: () => Promise<Enveloped<DecideReply>>): PaxosLink => ({
  prepare: silent,
  accept: silent,
  learn: silent,
  reach: silent,
  decide,
});

describe('the calls of a Paxos peer beside its proposals', () => {
  // Found by simulation: the refusal was nobody's to catch, and ended the process.
  it('drop an answer to a decision that bears a header to be refused, which is counted', async () => {
    const roster = rosterOf(1, 3);
    roster.admit(headerOf());
    const refused = headerOf({ incarnation: incarnation('another process') });
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    try {
      const calls = new PeerCalls({
        roster,
        links: new Map([
          [replicaId(2), linkOf(() => Promise.resolve({ header: refused, body: { kind: 'decide-ok' } }))],
          [replicaId(3), linkOf(() => Promise.reject(new Error('lost')))],
        ]),
        timeoutMs: 1000,
        max: () => 0,
        trace: () => undefined,
      });
      calls.spread(0, Buffer.from('value'));
      await turns();
      await turns();
    } finally {
      process.off('unhandledRejection', note);
    }
    expect(unhandled).to.deep.equal([]);
    expect(roster.refusals).to.have.length(1);
  });
});
