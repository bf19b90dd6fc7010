import { readFileSync } from 'node:fs';
import { Session, type Profiler } from 'node:inspector/promises';
import { placeOf, substituted, type Edit } from './variant.js';

/** Watches whether the code that a variant has changed is ever run. */
export class Coverage {
  readonly #root: string;
  readonly #session = new Session();

  /** @param root the URL of `build/src/` */
  constructor(root: string) {
    this.#root = root;
  }

  /** To be called before the code is loaded. */
  async start(): Promise<void> {
    this.#session.connect();
    await this.#session.post('Profiler.enable');
    await this.#session.post('Profiler.startPreciseCoverage', { callCount: false, detailed: true });
  }

  /** Those of the edits whose place has not been run since the last call. */
  async unreached(edits: readonly Edit[]): Promise<readonly Edit[]> {
    const { result } = await this.#session.post('Profiler.takePreciseCoverage');
    return edits.filter((edit) => {
      const url = `${this.#root}${edit.file}`;
      const functions = result.filter((script) => script.url === url).flatMap((script) => script.functions);
      return !hasRun(functions, this.#placeIn(url, edit, edits));
    });
  }

  /** Where the first character that an edit has changed stands in the code as it was loaded. */
  #placeIn(url: string, edit: Edit, edits: readonly Edit[]): number {
    const here = edits.filter(({ file }) => file === edit.file);
    const before = here.slice(0, here.indexOf(edit));
    const text = substituted(readFileSync(new URL(url), 'utf8'), before);
    let same = 0;
    while (same < edit.find.length && edit.find[same] === edit.replace[same]) same += 1;
    return placeOf(text, edit) + same;
  }
}

/** Whether the innermost piece of code around `offset` has been run. */
function hasRun(functions: readonly Profiler.FunctionCoverage[], offset: number): boolean {
  const around = functions
    .flatMap(({ ranges }) => ranges)
    .filter(({ startOffset, endOffset }) => startOffset <= offset && offset < endOffset);
  const innermost = around.sort(
    (one, other) => one.endOffset - one.startOffset - (other.endOffset - other.startOffset),
  )[0];
  return (innermost?.count ?? 0) > 0;
}
