const outside = (index: number): never => {
  throw new RangeError(`there is nothing at ${index}`);
};

/** The number at an index that is known to be inside. */
export const numberAt = (numbers: Int32Array, index: number): number => numbers[index] ?? outside(index);

/** The item at an index that is known to be inside. */
export const itemAt = <Item>(items: readonly Item[], index: number): Item => items[index] ?? outside(index);
