import { expect } from 'chai';
import type { Part } from '../../src/primary-backup/membership.js';
import type { Forward } from '../../src/primary-backup/messages.js';
import { serverAddress, viewServiceIncarnation } from '../../src/primary-backup/names.js';
import { PrimaryBackupMonitor, type ServerSeen } from '../../src/sim/primary-backup-monitor.js';

const [a, b, c] = [serverAddress('a'), serverAddress('b'), serverAddress('c')];

/** Process a1 as the primary of a view with the backup b. */
const primary = (viewNumber: number, applied: number, told: Partial<ServerSeen> = {}): ServerSeen => ({
  address: a,
  process: 'a1',
  view: { viewNumber, primary: a, backup: b },
  part: { kind: 'primary', backup: b, isAcknowledged: true },
  applied,
  digest: `after ${applied}`,
  ...told,
});

/** Process b1 as its backup, with the state of a transfer. */
const backup = (viewNumber: number, applied: number, transfer: number | undefined = 1): ServerSeen => ({
  ...primary(viewNumber, applied),
  address: b,
  process: 'b1',
  part: { kind: 'backup', primary: a, transfer },
});

const forward = (viewNumber: number, slot: number, sender = a): Forward => ({
  standing: { viewService: viewServiceIncarnation('v'), viewNumber, sender },
  slot,
  commands: [new Uint8Array(1)],
  transfer: 1,
});

/** The checks that this has violated, in order. */
function violations(live: (monitor: PrimaryBackupMonitor) => void): string[] {
  const checks: string[] = [];
  live(new PrimaryBackupMonitor((check) => checks.push(check)));
  return checks;
}

/** View 2 with its primary and backup after slot 0. */
function begin(monitor: PrimaryBackupMonitor): void {
  monitor.look(primary(1, 0, { view: { viewNumber: 1, primary: a, backup: undefined } }));
  monitor.look(primary(2, 0));
  monitor.look(backup(2, 0));
}

function follow(monitor: PrimaryBackupMonitor, slot: number): void {
  monitor.followed(backup(2, slot), forward(2, slot), { kind: 'acknowledged' });
  monitor.look(backup(2, slot));
}

describe('the invariants of simulated primary/backup', () => {
  it('find nothing where the backup is one slot ahead, begins anew, and is promoted', () => {
    const checks = violations((monitor) => {
      begin(monitor);
      follow(monitor, 1);
      monitor.look(backup(2, 0, 2));
      follow(monitor, 1);
      monitor.look(primary(2, 1));
      monitor.answered(primary(2, 1));
      const promoted = { ...primary(3, 1), address: b, process: 'b1' };
      monitor.look(promoted);
      monitor.answered(promoted);
      expect(monitor.slots).to.equal(2);
    });
    expect(checks).to.deep.equal([]);
  });

  it('find an answer of a server that is not the confirmed primary', () => {
    const parts: Part[] = [
      { kind: 'primary', backup: b, isAcknowledged: false },
      { kind: 'backup', primary: a, transfer: 1 },
      { kind: 'idle' },
    ];
    for (const part of parts) {
      const checks = violations((monitor) => monitor.answered(primary(2, 0, { part })));
      expect(checks, part.kind).to.deep.equal(['only a primary answers']);
    }
  });

  it('find two processes that answer in one view', () => {
    const checks = violations((monitor) => {
      monitor.answered(primary(2, 0));
      monitor.answered(primary(2, 0, { process: 'a2' }));
    });
    expect(checks).to.deep.equal(['a view has one primary']);
  });

  it('find a primary that did not hold the data of the view before', () => {
    const promoted = { address: c, process: 'c1' };
    const checks = violations((monitor) => {
      begin(monitor);
      monitor.look({
        ...backup(2, 0),
        ...promoted,
        part: { kind: 'backup', primary: a, transfer: undefined },
      });
      monitor.look(primary(3, 0, promoted));
    });
    expect(checks).to.deep.equal(['only a holder of the data becomes primary']);
  });

  it('find a slot that the primary applied before its backup has acknowledged it', () => {
    const early = violations((monitor) => {
      begin(monitor);
      monitor.look(primary(2, 1));
    });
    expect(early).to.deep.equal(['a primary applies what its backup has acknowledged']);
    const ofAnotherProcess = violations((monitor) => {
      begin(monitor);
      follow(monitor, 1);
      monitor.handsOut(primary(2, 0));
      monitor.look(primary(2, 1));
    });
    expect(ofAnotherProcess).to.deep.equal(['a primary applies what its backup has acknowledged']);
  });

  it('find a backup that follows another than the primary of its view', () => {
    for (const stale of [forward(1, 1), forward(2, 1, c)]) {
      const checks = violations((monitor) => monitor.followed(backup(2, 0), stale, { kind: 'acknowledged' }));
      expect(checks).to.deep.equal(['a backup follows the primary of its view']);
    }
    const refused = violations((monitor) =>
      monitor.followed(backup(2, 0), forward(1, 1), { kind: 'not-ready' }),
    );
    expect(refused).to.deep.equal([]);
  });

  it('find what was applied and is not any more, and two states after one slot', () => {
    const fallen = violations((monitor) => {
      begin(monitor);
      follow(monitor, 1);
      follow(monitor, 2);
      monitor.look(backup(2, 0, 2));
    });
    expect(fallen).to.deep.equal(['what is applied never falls']);
    const forked = violations((monitor) => {
      begin(monitor);
      follow(monitor, 1);
      monitor.look(primary(2, 1, { digest: 'another' }));
    });
    expect(forked).to.deep.equal(['equal slots have equal states']);
  });
});
