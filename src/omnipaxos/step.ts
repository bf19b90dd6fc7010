import type { ReplicaId, Slot } from '../log/ids.js';
import type { Step } from '../storage/journal.js';
import type { Message, OmnipaxosRecord, Outgoing, Synced } from './messages.js';

/** What a step tells beside its records and messages. */
export type Happening =
  /** A peer no longer holds what this replica lacks below `floor`: a snapshot is needed. */
  | { readonly kind: 'behind'; readonly peer: ReplicaId; readonly floor: Slot }
  /** A peer had promised the ballot of this leader when it was asked for the confirmation of this number. */
  | { readonly kind: 'confirmed'; readonly peer: ReplicaId; readonly number: number };

/** What one step of a replica gives out. */
export interface OmnipaxosStep extends Step<OmnipaxosRecord, Outgoing> {
  /** Records that nothing waits for. */
  readonly lazily: readonly OmnipaxosRecord[];
  readonly happenings: readonly Happening[];
}

/** Gathers what one step gives out. */
export class StepBuilder implements OmnipaxosStep {
  readonly records: OmnipaxosRecord[] = [];
  readonly lazily: OmnipaxosRecord[] = [];
  readonly atOnce: Outgoing[] = [];
  readonly afterSync: Outgoing[] = [];
  readonly happenings: Happening[] = [];

  record(...records: readonly OmnipaxosRecord[]): void {
    this.records.push(...records);
  }

  recordLazily(record: OmnipaxosRecord): void {
    this.lazily.push(record);
  }

  /** Decisions, Accepts under a ballot whose promise is durable, questions, refusals (rule R2). */
  send(to: ReplicaId, message: Message): void {
    this.atOnce.push({ kind: 'send', to, message });
  }

  /** Promises, votes, and every answer that repeats one (rule R2). */
  sendAfterSync(to: ReplicaId, message: Message): void {
    this.afterSync.push({ kind: 'send', to, message });
  }

  tellSelfAfterSync(synced: Synced): void {
    this.afterSync.push(synced);
  }

  happened(happening: Happening): void {
    this.happenings.push(happening);
  }
}
