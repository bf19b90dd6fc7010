import { expect } from 'chai';
import type { Message } from '../../src/omnipaxos/messages.js';
import { acceptDecideOf, acceptSyncOf, OmnipaxosMachine, prepareOf } from '../support/omnipaxos-machine.js';
import { ballotOf } from '../support/paxos-values.js';

const low = ballotOf(1, 1);
const accepted = (acceptedEnd: number, ballot = low): Message => ({ kind: 'accepted', ballot, acceptedEnd });

describe('what a replica of OmniPaxos says before its records are on disk', () => {
  it('is no promise, and none that is asked for again', () => {
    const machine = new OmnipaxosMachine({ me: 2 }).connect(1);
    machine.holdsSyncs = true;
    machine.receive(1, prepareOf(low, 1));
    machine.receive(1, prepareOf(low, 2));
    expect(machine.records).to.deep.equal([{ kind: 'promise', ballot: low }]);
    expect(machine.sent(1, 'promise')).to.deep.equal([]);
    machine.sync();
    expect(machine.sent(1, 'promise').map(({ sync }) => sync)).to.deep.equal([1, 2]);
  });

  it('is no vote', () => {
    const machine = new OmnipaxosMachine({ me: 2 }).connect(1);
    machine.receive(1, prepareOf(low, 1));
    machine.holdsSyncs = true;
    machine.receive(1, acceptSyncOf(low, 1, 0, ['a']));
    machine.receive(1, acceptDecideOf(low, 1, 1, 1, ['b']));
    expect(machine.sent(1, 'accepted')).to.deep.equal([]);
    machine.sync();
    expect(machine.sent(1, 'accepted')).to.deep.equal([accepted(1), accepted(2)]);
  });

  it('is no Prepare, and no word of the ballot that it claims', () => {
    const machine = new OmnipaxosMachine().connect(2, 3);
    machine.holdsSyncs = true;
    machine.round({ 2: {}, 3: {} });
    machine.connect(2);
    machine.receive(2, { kind: 'heartbeat-request', round: 1, sent: undefined });
    expect(machine.sent(2, 'heartbeat').map(({ ballot }) => ballot)).to.deep.equal([undefined]);
    expect(machine.sent(undefined, 'prepare')).to.deep.equal([]);
    machine.sync();
    expect(machine.sent(undefined, 'prepare')).to.have.length(2);
    machine.receive(2, { kind: 'heartbeat-request', round: 2, sent: undefined });
    expect(machine.sent(2, 'heartbeat').map(({ ballot }) => ballot)).to.deep.equal([low]);
  });

  it('counts neither its own promise nor its own votes', () => {
    const machine = new OmnipaxosMachine({ members: [1, 2] });
    const ballot = machine.elect();
    machine.holdsSyncs = true;
    machine.propose('a');
    machine.receive(2, accepted(1, ballot));
    expect(machine.replica.log.decidedEnd).to.equal(0);
    machine.sync();
    expect(machine.replica.log.decidedEnd).to.equal(1);
  });
});
