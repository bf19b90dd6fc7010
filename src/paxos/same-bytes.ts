export const sameBytes = (left: Uint8Array, right: Uint8Array): boolean =>
  left === right || Buffer.compare(left, right) === 0;
