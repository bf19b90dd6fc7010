const bytesPer = new Map([
  ['', 1],
  ['KiB', 2 ** 10],
  ['MiB', 2 ** 20],
  ['GiB', 2 ** 30],
]);

/** The largest size that is taken, a tebibyte. */
const limitBytes = 2 ** 40;

/**
 * Reads `1048576`, `64KiB`, `16MiB`, `1.5GiB` as bytes; a fraction of a byte is cut off.
 * @throws RangeError that names the forms there are
 */
export function parseSize(text: string): number {
  const match = /^(\d{1,13}(?:\.\d{1,3})?)(KiB|MiB|GiB|)$/.exec(text);
  const unit = match?.[2] ?? '';
  const fractionOfByte = unit === '' && text.includes('.');
  const sizeBytes = Math.floor(Number(match?.[1]) * (bytesPer.get(unit) ?? NaN));
  if (!fractionOfByte && sizeBytes >= 1 && sizeBytes <= limitBytes) return sizeBytes;
  throw new RangeError('Write a size of 1 to 1024GiB as 1048576, 64KiB, 16MiB or 1GiB');
}

/** Short: 512B, 64KiB, 1.5MiB; rounded to a tenth of its unit. */
export function formatSize(sizeBytes: number): string {
  const [unit, unitBytes] = [...bytesPer].findLast(([, bytes]) => sizeBytes >= bytes) ?? ['', 1];
  return `${Math.round((sizeBytes * 10) / unitBytes) / 10}${unit === '' ? 'B' : unit}`;
}
