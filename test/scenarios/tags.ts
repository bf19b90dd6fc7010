import { expect } from 'chai';

/** What a client appends for the `append`th time, counted from 0. */
export const tag = (client: number, append: number): string => `x ${client} ${append} y`;

/**
 * Every tag is there once, and those of one client in the order it wrote them.
 * @param counts how many tags each client has appended
 */
export function expectAllTags(value: string, counts: readonly number[]): void {
  for (const [client, count] of counts.entries()) {
    let before = -1;
    for (let append = 0; append < count; append += 1) {
      const wanted = tag(client, append);
      const index = value.indexOf(wanted);
      expect(index, `"${wanted}" in "${value}", in its order`).to.be.above(before);
      expect(value.lastIndexOf(wanted), `"${wanted}" twice in "${value}"`).to.equal(index);
      before = index;
    }
  }
}
