import { majorityOf, replicaId } from '../log/ids.js';
import type { Member } from '../log/roster.js';
import { formatAddress, parseAddress } from '../rpc/address.js';

export { majorityOf };

/** A member as users write it down. */
export interface MemberOption {
  readonly id: number;
  readonly address: string;
}

/** Options that cannot work; the message names the value, the limit and the remedy. */
export class OptionsError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'OptionsError';
  }
}

/** @throws OptionsError unless `value` is a number above 0 */
export function checkPositive(name: string, value: number): number {
  if (Number.isFinite(value) && value > 0) return value;
  throw new OptionsError(`${name} is ${value}; it is a number of milliseconds above 0`);
}

const duplicateOf = <Value>(values: readonly Value[]): Value | undefined =>
  values.find((value, index) => values.indexOf(value) !== index);

/**
 * Checks a list of members that `me` must be in; answers it in order of ids, so that equal lists compare equal.
 * @throws OptionsError
 */
export function checkMembers(options: readonly MemberOption[], me: number): readonly Member[] {
  const members = options.map(checkMember);
  const duplicateId = duplicateOf(members.map(({ id }) => id));
  if (duplicateId !== undefined)
    throw new OptionsError(`id ${duplicateId} is there twice; give every replica its own id`);
  const duplicateAddress = duplicateOf(members.map(({ address }) => address));
  if (duplicateAddress !== undefined) {
    throw new OptionsError(`address ${duplicateAddress} is there twice; give every replica its own address`);
  }
  if (!members.some(({ id }) => id === me)) {
    const ids = members.map(({ id }) => id).join(', ');
    throw new OptionsError(
      `the peers (${ids || 'none'}) do not include this replica's own id ${me}; add ${me}=HOST:PORT`,
    );
  }
  return members.sort((left, right) => left.id - right.id);
}

function checkMember({ id, address }: MemberOption): Member {
  try {
    return { id: replicaId(id), address: formatAddress(parseAddress(address)) };
  } catch (error) {
    throw new OptionsError(error instanceof Error ? error.message : String(error));
  }
}

/** One line on how many failures so many members survive. */
export function toleranceOf(memberCount: number): string {
  const majority = majorityOf(memberCount);
  const failures = memberCount - majority;
  const tolerance = `${memberCount} replica${memberCount === 1 ? '' : 's'}: a majority is ${majority}, so ${failures === 0 ? 'no' : failures} failure${failures === 1 ? ' is' : 's are'} survived`;
  return memberCount % 2 === 0 ? `${tolerance}; ${memberCount - 1} would survive as many` : tolerance;
}
