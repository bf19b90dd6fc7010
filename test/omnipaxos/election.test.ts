import { expect } from 'chai';
import type { Ballot } from '../../src/log/ballot.js';
import { replicaId } from '../../src/log/ids.js';
import { Election, type Standing } from '../../src/omnipaxos/election.js';
import type { Heartbeat } from '../../src/omnipaxos/messages.js';
import { OmnipaxosMachine, prepareOf } from '../support/omnipaxos-machine.js';
import { ballotOf } from '../support/paxos-values.js';

const low = ballotOf(1, 1);
const newest = ballotOf(9, 3);

describe('the ballot leader election of OmniPaxos', () => {
  const electionOf = (promised?: Ballot) => new Election({ me: replicaId(2), majority: 3, promised });
  const standing = (changes: Partial<Standing> = {}): Standing => ({
    promised: undefined,
    eligible: true,
    isConnected: () => true,
    ...changes,
  });
  const hear = (election: Election, heartbeats: Readonly<Record<number, Partial<Heartbeat>>>) => {
    for (const [peer, heartbeat] of Object.entries(heartbeats)) {
      const { round } = election;
      const said = { kind: 'heartbeat', round, ballot: undefined, candidate: false, led: false } as const;
      election.heard(replicaId(Number(peer)), { ...said, ...heartbeat });
    }
  };

  it('claims a ballot above all it knows when it hears a majority and no leader', () => {
    const election = electionOf();
    expect(election.endRound(standing())).to.equal(undefined);
    hear(election, { 1: {}, 3: {} });
    expect(election.endRound(standing())).to.deep.equal(ballotOf(1, 2));
    expect(electionOf(ballotOf(6, 5)).endRound(standing()), 'it hears nobody').to.equal(undefined);
    const restarted = electionOf(ballotOf(6, 5));
    hear(restarted, { 1: {}, 3: {} });
    expect(restarted.endRound(standing({ isConnected: (peer) => peer !== 5 }))).to.deep.equal(ballotOf(7, 2));
    const promised = electionOf();
    hear(promised, { 1: {}, 3: {} });
    expect(promised.endRound(standing({ promised: ballotOf(8, 2) }))).to.deep.equal(ballotOf(9, 2));
  });

  it('claims nothing unless it hears a majority, itself included, that is still connected', () => {
    const election = electionOf();
    hear(election, { 1: {} });
    expect(election.endRound(standing())).to.equal(undefined);
    hear(election, { 1: {}, 3: {} });
    expect(election.endRound(standing({ isConnected: (peer) => peer !== 3 }))).to.equal(undefined);
    expect(election.isQuorumConnected).to.equal(false);
  });

  it('claims nothing while it could not lead, and says so', () => {
    const election = electionOf();
    hear(election, { 1: {}, 3: {} });
    expect(election.endRound(standing({ eligible: false }))).to.equal(undefined);
    expect(election.isQuorumConnected).to.equal(true);
    const asked = { kind: 'heartbeat-request', round: 4, sent: undefined } as const;
    expect(election.answer(asked)).to.deep.include({ round: 4, candidate: false });
    hear(election, { 1: {}, 3: {} });
    expect(election.endRound(standing())).to.deep.equal(ballotOf(1, 2));
    expect(election.answer(asked)).to.deep.include({ candidate: true, led: true });
  });

  it('shows its ballot when the promise is on disk, and not before', () => {
    const election = electionOf();
    hear(election, { 1: {}, 3: {} });
    const claim = election.endRound(standing())!;
    const asked = { kind: 'heartbeat-request', round: 4, sent: undefined } as const;
    expect(election.answer(asked).ballot).to.equal(undefined);
    election.claimIsDurable(claim);
    expect(election.answer(asked).ballot).to.deep.equal(claim);
  });

  it('follows the highest ballot of those that could lead, and no ballot of one that could not', () => {
    const election = electionOf();
    hear(election, {
      1: { ballot: ballotOf(3, 1), candidate: true },
      3: { ballot: ballotOf(4, 3), candidate: true },
      4: { ballot: ballotOf(9, 4), candidate: false },
    });
    expect(election.endRound(standing())).to.equal(undefined);
    expect([election.leader, election.isLed]).to.deep.equal([ballotOf(4, 3), true]);
  });

  it('follows its own promise, and what it had promised before a restart', () => {
    expect(electionOf(low).leader).to.deep.equal(low);
    const election = electionOf(low);
    hear(election, { 1: { ballot: low, candidate: true }, 4: {} });
    expect(election.endRound(standing({ promised: newest }))).to.equal(undefined);
    expect([election.leader, election.isLed]).to.deep.equal([newest, false]);
    hear(election, { 1: { ballot: low, candidate: true }, 3: { ballot: newest, candidate: true } });
    expect(election.endRound(standing({ promised: newest }))).to.equal(undefined);
    expect(election.isLed).to.equal(true);
  });

  it('hears a leader in its Prepare, whatever it said in its heartbeat', () => {
    const election = electionOf(low);
    hear(election, { 1: { ballot: low, candidate: false }, 3: {} });
    election.heardPrepare(replicaId(1), ballotOf(2, 1));
    expect(election.endRound(standing({ promised: ballotOf(2, 1) }))).to.equal(undefined);
    expect([election.leader, election.isLed]).to.deep.equal([ballotOf(2, 1), true]);
    hear(election, { 1: { ballot: low, candidate: false }, 3: {} });
    expect(election.endRound(standing()), 'for that round').to.deep.equal(ballotOf(3, 2));
  });

  it('hears a leader in what it says as one, if no heartbeat says otherwise', () => {
    const election = electionOf(low);
    hear(election, { 3: {} });
    election.heardLeader(replicaId(1), low);
    expect(election.endRound(standing())).to.equal(undefined);
    expect(election.isLed).to.equal(true);
    hear(election, { 1: { ballot: low, candidate: false }, 3: {} });
    election.heardLeader(replicaId(1), low);
    expect(election.endRound(standing()), 'it cannot lead').to.deep.equal(ballotOf(2, 2));
    const silent = electionOf(low);
    hear(silent, { 3: {} });
    silent.heardLeader(replicaId(1), low);
    silent.endRound(standing());
    for (const expected of [undefined, ballotOf(2, 2)]) {
      hear(silent, { 3: {}, 4: {} });
      expect(silent.endRound(standing()), 'for one round').to.deep.equal(expected);
    }
  });

  it('hears a follower in its answers, as long as it is connected', () => {
    const election = electionOf();
    election.heardAnswer(replicaId(1));
    hear(election, { 3: {} });
    expect(election.endRound(standing())).to.deep.equal(ballotOf(1, 2));
    for (const peer of [1, 3]) election.heardAnswer(replicaId(peer));
    election.endRound(standing({ isConnected: (peer) => peer !== 3 }));
    expect(election.isQuorumConnected).to.equal(false);
    hear(election, { 3: {} });
    election.endRound(standing());
    expect(election.isQuorumConnected, 'for one round').to.equal(false);
  });

  it('takes a heartbeat that is one round late for this one, unless there is a newer, and no older one', () => {
    const leads = { ballot: newest, candidate: true };
    const after = (rounds: number, ...heartbeats: readonly Partial<Heartbeat>[]) => {
      const election = electionOf();
      for (let round = 0; round < rounds; round += 1) election.endRound(standing({ eligible: false }));
      for (const heartbeat of heartbeats) hear(election, { 1: {}, 3: heartbeat });
      election.endRound(standing({ eligible: false }));
      return [election.isQuorumConnected, election.isLed, election.lateHeartbeats];
    };
    expect(after(1, { round: 0, ...leads })).to.deep.equal([true, true, 1]);
    expect(after(2, { round: 0, ...leads })).to.deep.equal([false, false, 1]);
    expect(after(1, { round: 2, ...leads })).to.deep.equal([false, false, 0]);
    expect(after(1, { round: 1, ...leads }, { round: 0 })).to.deep.equal([true, true, 1]);
    expect(after(1, { round: 0 }, { round: 1, ...leads })).to.deep.equal([true, true, 1]);
  });

  it('keeps the promises it was refused for until it follows another, and claims above them', () => {
    const election = electionOf();
    hear(election, { 1: {}, 3: {} });
    const claim = election.endRound(standing())!;
    election.claimIsDurable(claim);
    election.refusedBy(replicaId(3), newest);
    hear(election, { 1: {}, 3: { led: true } });
    expect(election.endRound(standing({ promised: claim }))).to.equal(undefined);
    hear(election, { 1: {}, 4: {} });
    expect(election.endRound(standing({ promised: claim })), 'those who refused are silent').to.equal(
      undefined,
    );
    hear(election, { 1: {}, 3: {} });
    expect(election.endRound(standing({ promised: claim }))).to.deep.equal(ballotOf(10, 2));
    hear(election, { 1: {}, 3: {} });
    expect(election.endRound(standing({ promised: claim })), 'once').to.equal(undefined);
  });
});

describe('a replica of OmniPaxos that misses its leader', () => {
  const following = (): OmnipaxosMachine => {
    const machine = new OmnipaxosMachine({ me: 2 }).connect(1, 3);
    machine.round({ 1: { ballot: low, candidate: true }, 3: {} });
    machine.follow(low, ['a']);
    machine.round({ 1: { ballot: low, candidate: true }, 3: {} });
    expect(machine.replica.election.isLed).to.equal(true);
    return machine;
  };
  const promised = (machine: OmnipaxosMachine) => machine.replica.log.promised;

  it('gives it one more round while its connection stands, and takes over in the next', () => {
    const machine = following();
    machine.round({ 3: {} });
    expect(promised(machine)).to.deep.equal(low);
    expect(machine.replica.election.isLed).to.equal(false);
    machine.round({ 3: {} });
    expect(promised(machine)).to.deep.equal(ballotOf(2, 2));
  });

  it('gives it a round again only after it has been heard', () => {
    const machine = following();
    machine.round({ 3: {} });
    machine.round({ 1: { ballot: low, candidate: true }, 3: {} });
    machine.round({ 3: {} });
    expect(promised(machine)).to.deep.equal(low);
    machine.round({ 3: {} });
    expect(promised(machine)).to.deep.equal(ballotOf(2, 2));
  });

  it('takes over at once when the connection has ended, or when the leader says that it cannot lead', () => {
    const gone = following();
    gone.disconnect(1);
    gone.round({ 3: {} });
    expect(promised(gone)).to.deep.equal(ballotOf(2, 2));
    const unable = following();
    unable.round({ 1: { ballot: low, candidate: false }, 3: {} });
    expect(promised(unable)).to.deep.equal(ballotOf(2, 2));
  });

  it('follows what it has promised, and claims nothing while that leader is heard', () => {
    const machine = following();
    machine.receive(3, prepareOf(newest, 1));
    machine.round({ 1: { ballot: low, candidate: true } });
    expect(machine.replica.election.leader).to.deep.equal(newest);
    machine.round({ 1: { ballot: low, candidate: true }, 3: { ballot: newest, candidate: true } });
    expect(promised(machine)).to.deep.equal(newest);
    expect(machine.replica.election.isLed).to.equal(true);
  });
});
