import { expect } from 'chai';
import { seededRandom } from '../../src/runtime/random.js';
import { StorageDamage } from '../../src/storage/errors.js';
import { logRecord, type LogRecord } from '../../src/storage/log-record.js';
import { segmentName } from '../../src/storage/segment-names.js';
import { writeThreeSegments } from './log-damage.js';
import { asText, recordsOf, recoveredLog, vote, votes } from './log-fixture.js';
import { rejection } from './rejection.js';
import { SimulatedDisk } from '../../src/sim/simulated-disk.js';

export const all = votes(0, 17);
export const valueAt18 = (value: Uint8Array): LogRecord => logRecord('vote', { slot: 18, payload: value });
export const fives = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(5);

export async function threeSegments(...more: readonly LogRecord[][]): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(11));
  await writeThreeSegments(disk, more);
  return disk.image();
}

export const refusal = (disk: SimulatedDisk): Promise<StorageDamage> =>
  rejection(recordsOf(disk), StorageDamage);

export async function expectRefusal(disk: SimulatedDisk, segment: number, problem: string): Promise<void> {
  const { file, message } = await refusal(disk);
  expect(file).to.equal(segmentName(segment));
  expect(message).to.contain(problem);
}

export async function expectRecords(disk: SimulatedDisk, expected: readonly LogRecord[]): Promise<void> {
  const recovered = await recordsOf(disk);
  expect(asText(recovered.records)).to.deep.equal(asText(expected));
  expect(recovered.damage).to.equal(undefined);
}

/** The same must come back at every later start, with something appended in between; answers the disk that is left. */
export async function expectLasting(
  found: SimulatedDisk,
  expected: readonly LogRecord[],
): Promise<SimulatedDisk> {
  const disk = found.image();
  const { log, recovered } = await recoveredLog(disk);
  expect(asText(recovered.records)).to.deep.equal(asText(expected));
  expect(recovered.damage).to.equal(undefined);
  await log.append([vote(99)]);
  await log.close();
  const next = disk.crash('nothing');
  await expectRecords(next, [...expected, vote(99)]);
  await expectRecords(next, [...expected, vote(99)]);
  return next;
}
