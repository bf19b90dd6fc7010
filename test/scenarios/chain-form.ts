import { expect } from 'chai';
import type { Clerk } from '../../src/index.js';
import { nextLink } from '../support/fnv-twin.js';
import { partOf } from './report.js';

/**
 * The two writes by which the suite's chains are built: what a key holds depends on every write before, so a write
 * that was lost or ran twice breaks the chain for good.
 */
export interface ChainForm {
  readonly name: 'puthash' | 'append';
  /** Writes to a key that holds `held`, checks the answer, and answers what the key holds from now on. */
  readonly write: (clerk: Clerk, key: string, held: string, value: string) => Promise<string>;
}

export const putHashLink: ChainForm = {
  name: 'puthash',
  write: async (clerk, key, held, value) => {
    expect(await clerk.putHash(key, value), `previous value of key ${key}`).to.equal(held);
    return nextLink(held, value);
  },
};

/** The forms in which the tests run whose titles name none. */
export const chainForms: readonly ChainForm[] = partOf('form of chains', [
  putHashLink,
  {
    name: 'append',
    write: async (clerk, key, held, value) => {
      await clerk.append(key, value);
      return held + value;
    },
  },
]);
