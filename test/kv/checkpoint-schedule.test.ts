import { expect } from 'chai';
import { CheckpointSchedule } from '../../src/kv/checkpoint-schedule.js';

const command = (bytes: number): Uint8Array[] => [new Uint8Array(bytes)];

/** The slots up to `last` that a checkpoint follows, when each brings so many bytes. */
const dueSlots = (schedule: CheckpointSchedule, first: number, last: number, bytes: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index).filter((slot) =>
    schedule.isDueAfter(slot, command(bytes)),
  );

describe('the schedule of checkpoints', () => {
  it('has one after each slot above 0 that is a multiple of the interval', () => {
    expect(dueSlots(new CheckpointSchedule(), 0, 3000, 100)).to.deep.equal([1024, 2048]);
    expect(dueSlots(new CheckpointSchedule(10), 0, 35, 100)).to.deep.equal([10, 20, 30]);
  });

  it('has one after every 64 slots that have brought 4 MiB', () => {
    expect(dueSlots(new CheckpointSchedule(), 0, 200, 64 * 1024)).to.deep.equal([64, 128, 192]);
    expect(dueSlots(new CheckpointSchedule(), 1, 200, 64 * 1024 - 1)).to.deep.equal([]);
  });

  it('is the same for a replica that began later, from the second window on', () => {
    const schedule = new CheckpointSchedule();
    expect(dueSlots(schedule, 100, 260, 64 * 1024)).to.deep.equal([192, 256]);
    schedule.restart();
    expect(dueSlots(schedule, 300, 400, 64 * 1024)).to.deep.equal([384]);
  });
});
