const offsetBasis = 2166136261n;
const prime = 16777619n;
const modulus = 2n ** 32n;

/** 32-bit FNV-1a over the bytes of a text as UTF-8; a naive twin of the product's, in numbers without a limit. */
export function fnv1a(text: string): bigint {
  let hash = offsetBasis;
  for (const byte of Buffer.from(text, 'utf8')) hash = ((hash ^ BigInt(byte)) * prime) % modulus;
  return hash;
}

/** What PutHash leaves in a key that held `previous`. */
export const nextLink = (previous: string, value: string): string => String(fnv1a(previous + value));
