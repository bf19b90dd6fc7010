/** Those who are told of one kind of event. */
export class Listeners<Details extends readonly unknown[]> {
  readonly #listeners = new Set<(...details: Details) => void>();

  add(listener: (...details: Details) => void): void {
    this.#listeners.add(listener);
  }

  tell(...details: Details): void {
    for (const listener of this.#listeners) listener(...details);
  }
}
