import { expect } from 'chai';
import { SuspectMark } from '../../src/server/suspect-mark.js';
import { emptyDisk, openOn, revived, stateThrough, wantedOf } from '../support/data-directories.js';
import { recoveryRows } from './durability-page.js';

import { identityAndLogRows } from './data-directory-log-rows.js';
import { snapshotRows } from './data-directory-snapshot-rows.js';

const rows = { ...identityAndLogRows, ...snapshotRows };

describe('a data directory', () => {
  it('has a test for every row of the recovery table, and a row for every test', () => {
    expect(Object.keys(rows)).to.have.members(recoveryRows());
  });

  describe('found in a state of the recovery table', () => {
    for (const [title, run] of Object.entries(rows)) it(title, run);
  });

  it('takes the cluster id that it was told at birth, else the one drawn, and keeps it', async () => {
    for (const [clusterId, expected] of [
      [undefined, 'derived'],
      ['told', 'told'],
    ] as const) {
      const disk = emptyDisk();
      const wanted = wantedOf(3, { clusterId });
      for (let start = 1; start <= 3; start += 1) {
        const directory = await openOn(disk, { wanted: start === 1 ? wanted : wantedOf() });
        expect(directory.clusterId).to.equal(expected);
        expect(directory.log.bootCounter).to.equal(start);
        await directory.log.close();
      }
    }
  });

  it('says that it is suspect from the mark on, until the mark is cleared', async () => {
    const disk = emptyDisk();
    const mark = await SuspectMark.read(disk);
    expect(mark.sinceSlot).to.equal(undefined);
    await mark.clear();
    await mark.set(2048);
    expect((await SuspectMark.read(disk.crash('nothing'))).sinceSlot).to.equal(2048);
  });

  it('born from a snapshot holds its state, and a floor above it', async () => {
    const disk = emptyDisk();
    const directory = await openOn(disk, { seed: stateThrough(5).snapshot() });
    await directory.log.close();
    const { applied, floor, sessionsOpened } = await revived(disk);
    expect([applied, floor, sessionsOpened]).to.deep.equal([5, 6, 6]);
  });
});
