import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { tryOut } from './trial.js';
import { changesOf, CodeHasChanged, substituted, type Variant } from './variant.js';
import { variants } from './variants.js';

const sourceOf = (file: string): string =>
  readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');

const named = (name: string): Variant => {
  const variant = variants.find((candidate) => candidate.name === name);
  if (variant === undefined) throw new RangeError(`there is no variant "${name}"`);
  return variant;
};

/** One that runs only to the first line of a file in which something is to be changed. */
const changing = (find: string): Variant => ({
  ...named('own-value-chosen'),
  edits: [{ file: 'paxos/round.js', find, replace: '' }],
});

const rejection = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work;
  } catch (error) {
    return String(error);
  }
  throw new Error('it was tried');
};

describe('planted mistakes', () => {
  it('have names of their own', () => {
    const names = variants.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
    for (const name of names) expect(name).to.match(/^[a-z]+(-[a-z]+)*$/);
  });

  for (const variant of variants) {
    it(`fit the code as it is: ${variant.name}`, () => {
      expect(variant.edits).not.to.be.empty;
      const edits = changesOf(variant);
      for (const file of new Set(edits.map((edit) => edit.file))) {
        const source = sourceOf(file);
        const here = edits.filter((edit) => edit.file === file);
        expect(substituted(source, here), file).not.to.equal(source);
      }
    });
  }

  it('are refused where the text is not there, or is there twice', () => {
    const edit = { file: 'a.js', find: 'one', replace: 'two' };
    expect(substituted('one', [edit])).to.equal('two');
    expect(() => substituted('none here'.replace('one', ''), [edit])).to.throw(CodeHasChanged, '0 times');
    expect(() => substituted('one, one', [edit])).to.throw(CodeHasChanged, '2 times');
    expect(() => substituted('one', [{ ...edit, find: '' }])).to.throw(CodeHasChanged);
  });

  for (const [find, count] of [
    ['this text is nowhere', 0],
    ['return', 'many'],
  ] as const) {
    it(`are refused when they are loaded if the text is there ${count} times`, async () => {
      const message = await rejection(tryOut({ variant: changing(find), firstSeed: 1, seedLimit: 1 }));
      expect(message).to.include('the code has changed: write the variant anew');
      expect(message).to.include('paxos/round.js');
    });
  }

  it('are caught', async () => {
    const variant = named('own-value-chosen');
    const { caught, check, seeds, unreached } = await tryOut({ variant, firstSeed: 1, seedLimit: 20 });
    expect(caught, check).to.equal(true);
    expect(seeds).to.be.within(1, 20);
    expect(unreached).to.deep.equal([]);
  });

  it('are not there otherwise', async () => {
    const variant = { ...named('own-value-chosen'), edits: [] };
    const { caught, message, seeds } = await tryOut({ variant, firstSeed: 1, seedLimit: 5 });
    expect(caught, message).to.equal(false);
    expect(seeds).to.equal(5);
  });
});
