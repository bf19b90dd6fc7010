import { expect } from 'chai';
import { statusTable } from '../../src/cli/status-table.js';
import type { PeerReport, ReachableStatus, StorageReport } from '../../src/cli/status-report.js';

const peer = (id: number, changes: Partial<PeerReport> = {}): PeerReport => ({
  id,
  address: `127.0.0.1:710${id}`,
  incarnation: 'abc',
  doneThrough: 41,
  reach: 42,
  applied: 42,
  lastHeardMsAgo: 250,
  refusal: '',
  ...changes,
});

const replica = (id: number, changes: Partial<ReachableStatus> = {}): ReachableStatus => ({
  endpoint: `127.0.0.1:710${id}`,
  reachable: true,
  id,
  address: `127.0.0.1:710${id}`,
  serving: true,
  engine: 'paxos',
  clusterId: 'cluster',
  incarnation: 'abc',
  version: '0.1.0',
  min: 42,
  max: 43,
  applied: 42,
  floor: 42,
  held: 2,
  sessions: 5,
  repliesBytes: 10,
  nextClientId: 6,
  queuedCommands: 0,
  queuedBytes: 0,
  keys: 3,
  stateVersion: 1,
  peers: [1, 2, 3].map((other) => peer(other, other === id ? { lastHeardMsAgo: null } : {})),
  refusals: {
    garbled: 0,
    wrongCluster: 0,
    wrongReceiver: 0,
    unknownSender: 0,
    changedIncarnation: 0,
    differentIdentity: 0,
  },
  storage: null,
  agreedCheckpoint: null,
  trouble: '',
  leader: null,
  digest: 'ab',
  ...changes,
});

describe('The status table', () => {
  it('has a line for each replica, those that do not answer included', () => {
    const table = statusTable([
      replica(1),
      { endpoint: '127.0.0.1:7102', reachable: false, problem: 'connection refused' },
    ]);
    expect(table).to.equal(
      [
        'ID  ADDRESS         REACHABLE  SERVING  ENGINE  LEADER  MIN  MAX  APPLIED  SESSIONS  DONE            CHECKPOINT  STORAGE  LAST HEARD',
        '1   127.0.0.1:7101  yes        yes      paxos   -       42   43   42       5         1:41 2:41 3:41  -           memory   2:250ms 3:250ms',
        '2   127.0.0.1:7102  no         -        -       -       -    -    -        -         -               -           -        -',
        '127.0.0.1:7102: connection refused',
        '',
      ].join('\n'),
    );
  });

  it('shows who leads, and under which ballot', () => {
    const leader = { id: 2, ballot: '3.2', phase: 'following', lateHeartbeats: 0, longestStallMs: 0 };
    const table = statusTable([
      replica(1, { engine: 'omnipaxos', leader }),
      replica(2, { engine: 'omnipaxos', leader: { ...leader, id: null } }),
    ]);
    const cells = table.split('\n').map((line) => line.split(/ {2,}/)[5]);
    expect(cells.slice(0, 3)).to.deep.equal(['LEADER', '2:3.2', 'unknown']);
  });

  it('shows what is not known yet as such', () => {
    const unheard = peer(2, { incarnation: null, doneThrough: null, lastHeardMsAgo: null });
    const table = statusTable([
      replica(1, { serving: false, max: null, applied: null, min: 0, peers: [peer(1), unheard] }),
    ]);
    expect(table).to.match(
      /^1 +127\.0\.0\.1:7101 +yes +no +paxos +- +0 +- +- +5 +1:41 2:- +- +memory +2:never$/m,
    );
  });

  const storage: StorageReport = {
    bootCounter: 2,
    durableLsn: 99,
    logBytes: 16 * 2 ** 20,
    snapshotThrough: 1023,
    snapshotBytes: 4096,
    hasSpace: true,
  };

  it('shows the slot of the durable snapshot, the size of the log, and a full disk', () => {
    const table = statusTable([
      replica(1, { storage }),
      replica(2, { storage: { ...storage, snapshotThrough: null, logBytes: 1536, hasSpace: false } }),
    ]);
    expect(table).to.match(/^1 .* 1:41 2:41 3:41 +- +1023\+16MiB +2:250ms 3:250ms$/m);
    expect(table).to.match(/^2 .* 1:41 2:41 3:41 +- +-\+1\.5KiB FULL +1:250ms 3:250ms$/m);
  });

  it('shows the last checkpoint agreed on, with the beginning of its digest', () => {
    const agreedCheckpoint = { slot: 2048, digest: '0123456789abcdef' };
    expect(statusTable([replica(1, { agreedCheckpoint })])).to.match(/ 2048:01234567 +memory /);
  });

  it('tells what keeps a replica from its full part', () => {
    const trouble = 'does not vote yet: waits for replica 2';
    expect(statusTable([replica(1, { trouble }), replica(2)])).to.match(
      /^replica 1: does not vote yet: waits for replica 2$/m,
    );
    expect(statusTable([replica(1)])).not.to.match(/^replica/m);
  });

  it('tells what was refused, and why', () => {
    const table = statusTable([
      replica(1, {
        peers: [peer(1), peer(2, { refusal: 'replica 2 has come back' })],
        refusals: { ...replica(1).refusals, changedIncarnation: 7 },
      }),
    ]);
    expect(table).to.match(/^replica 1 refused messages: changedIncarnation 7$/m);
    expect(table).to.match(/^replica 1 and replica 2: replica 2 has come back$/m);
  });
});
