/** Module hooks of a process that tries a variant: they change the code of modules while these are loaded. */
import type { InitializeHook, LoadHook } from 'node:module';
import { substituted, type Edit } from './variant.js';

/** What the hooks are told when they are registered. */
export interface Substitution {
  /** The URL of `build/src/`. */
  readonly root: string;
  readonly edits: readonly Edit[];
}

let substitution: Substitution = { root: '', edits: [] };

export const initialize: InitializeHook<Substitution> = (given) => {
  substitution = given;
};

/** @throws CodeHasChanged, and then the import fails */
export const load: LoadHook = async (url, context, nextLoad) => {
  const { root, edits } = substitution;
  const here = edits.filter(({ file }) => `${root}${file}` === url);
  const loaded = await nextLoad(url, context);
  if (here.length === 0) return loaded;
  const source = loaded.source ?? '';
  const text = typeof source === 'string' ? source : Buffer.from(source as Uint8Array).toString();
  return { ...loaded, source: substituted(text, here) };
};
