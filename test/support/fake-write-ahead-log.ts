import type { LogRecord } from '../../src/storage/log-record.js';

/** As much of a log as its keeper deals with; what can be dropped is said by the test. */
export class FakeWriteAheadLog {
  bytesAppended = 0;
  hasSpace = true;
  droppable = false;
  released = 0;
  readonly dropped: { readonly below: number; readonly live: readonly LogRecord[] }[] = [];
  dropFailure: Error | undefined;
  whenReleased: () => void = () => undefined;

  canDrop(): boolean {
    return this.droppable;
  }

  dropBelow(below: number, live: readonly LogRecord[]): Promise<void> {
    if (this.dropFailure !== undefined) return Promise.reject(this.dropFailure);
    this.dropped.push({ below, live });
    this.droppable = false;
    return Promise.resolve();
  }

  releaseReserve(): Promise<void> {
    this.released += 1;
    this.whenReleased();
    return Promise.resolve();
  }
}
