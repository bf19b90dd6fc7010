import type { RanAt } from '../check/told-order.js';
import { decodeCommand } from '../kv/command.js';
import type { Result, WriteOperation } from '../kv/operation.js';
import type { ApplyObserver } from '../kv/state-machine.js';
import type { Slot } from '../log/ids.js';

/** What the commands in a slot were, and came to. */
interface AppliedSlot {
  readonly commands: readonly Uint8Array[];
  readonly results: readonly Result[];
}

/**
 * The order in which the servers of a world ran its writes. Every write of a simulated client differs from all others, so
 * it is known by what it does; of its copies the first one counts that was not refused.
 */
export class RanOrder {
  readonly #slots = new Map<Slot, AppliedSlot>();

  /**
   * Some server applied these in a slot. Another one may apply others there later, if the first ended before anybody had
   * its word for it, as a backup may: then it is as if these had never run.
   */
  readonly applied: ApplyObserver = (slot, commands, results) => {
    this.#slots.set(slot, { commands, results });
  };

  /** Of what was applied so far. Undefined for a write that did not run in any slot that was seen. */
  get ranAt(): RanAt {
    const places = new Map<string, number>();
    for (const [, { commands, results }] of [...this.#slots].sort(([one], [other]) => one - other)) {
      for (const [index, bytes] of commands.entries()) {
        const command = decodeCommand(bytes);
        if (command.kind !== 'write' || results[index]?.kind === 'refused') continue;
        const name = nameOf(command.operation);
        if (!places.has(name)) places.set(name, places.size);
      }
    }
    return (write) => places.get(nameOf(write));
  }
}

const nameOf = ({ kind, key, value }: WriteOperation): string => JSON.stringify([kind, key, value]);
