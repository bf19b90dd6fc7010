import { limits } from '../log/limits.js';
import { behind } from './acceptor.js';
import type { Instances } from './instances.js';
import type { Decide, Learn, LearnReply } from './messages.js';

/** What is known decided in a range of slots, as much of it as fits a page. */
export function learnPage(instances: Instances, { firstSlot, lastSlot }: Learn): LearnReply {
  const { floor } = instances;
  const decided: Decide[] = [];
  let bytes = 0;
  for (const slot of instances.heldBetween(firstSlot, lastSlot)) {
    const acceptor = instances.find(slot)?.acceptor;
    if (acceptor?.phase !== 'decided') continue;
    bytes += acceptor.value.length;
    if (decided.length > 0 && bytes > limits.learnPageBytes) break;
    decided.push({ slot, value: acceptor.value });
  }
  return { decided, behind: firstSlot < floor ? behind(floor) : undefined };
}
