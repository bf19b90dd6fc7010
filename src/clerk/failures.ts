import type { EndpointFailure } from './clerk-error.js';

/** The last failure at each endpoint since it last answered. */
export class Failures {
  readonly #problems = new Map<string, string>();

  /** All of them, in the order in which the endpoints first failed. */
  get all(): readonly EndpointFailure[] {
    return [...this.#problems].map(([endpoint, problem]) => ({ endpoint, problem }));
  }

  /** Undefined if the endpoint has not failed. */
  problemAt(endpoint: string): string | undefined {
    return this.#problems.get(endpoint);
  }

  note(endpoint: string, problem: string): void {
    this.#problems.set(endpoint, problem);
  }

  forget(endpoint: string): void {
    this.#problems.delete(endpoint);
  }

  clear(): void {
    this.#problems.clear();
  }
}
