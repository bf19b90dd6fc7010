import type { Slot } from '../log/ids.js';
import type { LogRecord } from './log-record.js';

/** What must be known even if every record that said it is lost: it is repeated in the header of every frame and segment. */
export interface HardState {
  /** The highest round stored; no ballot at or below it is begun again (rule R4). */
  readonly highestRound: number;
  readonly floor: Slot;
  readonly decidedThrough: Slot | undefined;
  readonly rangePromise:
    { readonly from: Slot; readonly round: number; readonly replica: number } | undefined;
}

export const initialHardState: HardState = {
  highestRound: 0,
  floor: 0,
  decidedThrough: undefined,
  rangePromise: undefined,
};

const highest = (left: Slot | undefined, right: Slot): Slot => Math.max(left ?? right, right);

/** The hard state after one more record. */
export function foldHardState(state: HardState, record: LogRecord): HardState {
  const highestRound = Math.max(state.highestRound, record.kind === 'peer-lsn' ? 0 : record.round);
  const folded = highestRound === state.highestRound ? state : { ...state, highestRound };
  switch (record.kind) {
    case 'floor':
      return { ...folded, floor: Math.max(state.floor, record.slot) };
    case 'decided-through':
      return { ...folded, decidedThrough: highest(state.decidedThrough, record.slot) };
    case 'range-promise':
      return { ...folded, rangePromise: { from: record.slot, round: record.round, replica: record.replica } };
    default:
      return folded;
  }
}
