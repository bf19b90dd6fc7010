import { expect } from 'chai';
import { statusTable } from '../../src/cli/status-table.js';
import type { StorageReport } from '../../src/cli/status-report.js';
import { peerReport as peer, replicaReport as replica } from './replica-report.js';

describe('The status table', () => {
  it('has a line for each replica, those that do not answer included', () => {
    const table = statusTable([
      replica(1),
      { endpoint: '127.0.0.1:7102', reachable: false, problem: 'connection refused' },
    ]);
    expect(table).to.equal(
      [
        'ID  ADDRESS         REACHABLE  SERVING  ENGINE  LEADER  VIEW  MIN  MAX  APPLIED  SESSIONS  DONE            CHECKPOINT  STORAGE  LAST HEARD',
        '1   127.0.0.1:7101  yes        yes      paxos   -       -     42   43   42       5         1:41 2:41 3:41  -           memory   2:250ms 3:250ms',
        '2   127.0.0.1:7102  no         -        -       -       -     -    -    -        -         -               -           -        -',
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

  it('shows the view, and what a server does in it; one without an id goes by its address', () => {
    const view = {
      viewService: '127.0.0.1:7100',
      viewNumber: 3,
      primary: '127.0.0.1:7101',
      backup: null,
      acknowledged: true,
      role: 'uninitialized',
    };
    const changes = { engine: 'primary-backup', peers: [], view, trouble: 'some trouble' };
    const table = statusTable([replica(0, changes), replica(2, { ...changes, trouble: '' })]);
    expect(table).to.match(
      /^- +127\.0\.0\.1:7100 +yes +yes +primary-backup +- +3:uninitialized +42 +43 +42 +5 +- +- +memory +-$/m,
    );
    expect(table).to.match(/^2 +127\.0\.0\.1:7102 .* 3:uninitialized /m);
    expect(table).to.match(/^server 127\.0\.0\.1:7100: some trouble$/m);
    expect(table).not.to.contain('replica');
  });

  it('shows what is not known yet as such', () => {
    const unheard = peer(2, { incarnation: null, doneThrough: null, lastHeardMsAgo: null });
    const table = statusTable([
      replica(1, { serving: false, max: null, applied: null, min: 0, peers: [peer(1), unheard] }),
    ]);
    expect(table).to.match(
      /^1 +127\.0\.0\.1:7101 +yes +no +paxos +- +- +0 +- +- +5 +1:41 2:- +- +memory +2:never$/m,
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
