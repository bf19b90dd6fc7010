const offsetBasis = 0x811c9dc5;
const prime = 0x01000193;

/** The decimal text of the 32-bit FNV-1a hash over the UTF-8 bytes of `previous` followed by `next`. */
export function chainHash(previous: string, next: string): string {
  let hash = offsetBasis;
  for (const text of [previous, next]) {
    for (const byte of Buffer.from(text, 'utf8')) hash = Math.imul(hash ^ byte, prime);
  }
  return String(hash >>> 0);
}
