import { readUint64, writeUint64 } from './bytes.js';
import type { HardState } from './hard-state.js';

/** Bytes of a hard state in the header of a frame or segment. */
export const hardStateBytes = 52;

const hasDecidedThrough = 1;
const hasRangePromise = 2;

export function writeHardState(target: Buffer, state: HardState, offset: number): void {
  const { decidedThrough, rangePromise } = state;
  const flags =
    (decidedThrough === undefined ? 0 : hasDecidedThrough) |
    (rangePromise === undefined ? 0 : hasRangePromise);
  target.writeUInt32LE(flags, offset);
  writeUint64(target, state.highestRound, offset + 4);
  writeUint64(target, state.floor, offset + 12);
  writeUint64(target, decidedThrough ?? 0, offset + 20);
  writeUint64(target, rangePromise?.from ?? 0, offset + 28);
  writeUint64(target, rangePromise?.round ?? 0, offset + 36);
  writeUint64(target, rangePromise?.replica ?? 0, offset + 44);
}

export function readHardState(source: Buffer, offset: number): HardState {
  const flags = source.readUInt32LE(offset);
  return {
    highestRound: readUint64(source, offset + 4),
    floor: readUint64(source, offset + 12),
    decidedThrough: (flags & hasDecidedThrough) === 0 ? undefined : readUint64(source, offset + 20),
    rangePromise:
      (flags & hasRangePromise) === 0
        ? undefined
        : {
            from: readUint64(source, offset + 28),
            round: readUint64(source, offset + 36),
            replica: readUint64(source, offset + 44),
          },
  };
}
