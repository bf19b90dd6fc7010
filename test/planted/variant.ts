import type { AnyEngineName } from '../../src/server/engine.js';

/** One change of the compiled code, in a file under `build/src`. */
export interface Edit {
  /** For instance `paxos/acceptor.js`. */
  readonly file: string;
  /** Must be there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** Synod with one mistake in it, as somebody might make it. It exists only in the memory of a process that tries it. */
export interface Variant {
  /** For people and the command line; words and dashes. */
  readonly name: string;
  /** What it breaks: a rule of agreement, durability or identity (R), or what the engine's paper says, in one sentence. */
  readonly rule: string;
  /** Under which engine it is tried. */
  readonly engine: AnyEngineName;
  /** Among how many, if what it takes hardly ever comes together among three. */
  readonly replicas?: number;
  /** What is changed besides, and is no mistake: without it worlds hardly ever come to where the mistake tells. */
  readonly setting?: readonly Edit[];
  readonly edits: readonly Edit[];
}

/** All that is changed where a variant is tried. */
export const changesOf = ({ setting = [], edits }: Variant): readonly Edit[] => [...setting, ...edits];

/** The text that a variant replaces is not what it was when the variant was written. */
export class CodeHasChanged extends Error {
  constructor({ file, find }: Edit, count: number) {
    super(
      `the code has changed: write the variant anew. ${file} has the text ${count} times, and it must be there once: ${find}`,
    );
    this.name = 'CodeHasChanged';
  }
}

/** Where an edit applies in a source. @throws CodeHasChanged unless that is exactly one place */
export function placeOf(source: string, edit: Edit): number {
  const count = edit.find === '' ? 0 : source.split(edit.find).length - 1;
  if (count !== 1) throw new CodeHasChanged(edit, count);
  return source.indexOf(edit.find);
}

/** A source with its edits, each made in the text as the edits before it left it. @throws CodeHasChanged */
export function substituted(source: string, edits: readonly Edit[]): string {
  return edits.reduce((text, edit) => {
    const place = placeOf(text, edit);
    return text.slice(0, place) + edit.replace + text.slice(place + edit.find.length);
  }, source);
}
