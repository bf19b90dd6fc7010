import { decodeCommand } from '../kv/command.js';
import type { WriteOperation } from '../kv/operation.js';
import type { Slot } from '../log/ids.js';
import { decodeBatch } from '../log/wire.js';

/** More than one batch holds. */
const placesOfSlot = 1_000_000;

/**
 * The order in which a log has writes run. Every write of a simulated client differs from all others, so it is known by
 * what it does; of its copies the first one counts.
 */
export class RanOrder {
  readonly #slots = new Set<Slot>();
  readonly #at = new Map<string, number>();

  /** A value was applied in a slot, at some replica. */
  applied(slot: Slot, value: Uint8Array): void {
    if (this.#slots.has(slot)) return;
    this.#slots.add(slot);
    for (const [index, bytes] of decodeBatch(value).commands.entries()) {
      const command = decodeCommand(bytes);
      if (command.kind !== 'write') continue;
      const name = nameOf(command.operation);
      const at = slot * placesOfSlot + index;
      this.#at.set(name, Math.min(this.#at.get(name) ?? Infinity, at));
    }
  }

  /** Undefined if it is in no slot that was seen. */
  readonly ranAt = (write: WriteOperation): number | undefined => this.#at.get(nameOf(write));
}

const nameOf = ({ kind, key, value }: WriteOperation): string => JSON.stringify([kind, key, value]);
