import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { sectorBytes } from '../../src/storage/bytes.js';
import { logRecord } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import { createdLog } from '../support/log-fixture.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';
import { codeBlock, hexLines } from './format-page.js';

describe('the format of the log', () => {
  it('is bytes as the page on the format shows them', async () => {
    const disk = new SimulatedDisk(seededRandom(1));
    const { log } = await createdLog(disk);
    await log.append([logRecord('vote', { slot: 7, round: 3, replica: 2, payload: Buffer.from('abc') })]);
    await log.close();
    const frame = disk.content(segmentName(1)).subarray(sectorBytes, 2 * sectorBytes);
    expect(hexLines(frame)).to.equal(codeBlock('### A small frame'));
  });
});
