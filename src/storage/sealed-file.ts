import { crc32 } from 'node:zlib';
import { NoSpaceError, type Disk } from './disk.js';
import {
  openEmpty,
  openIfThere,
  orNoSpace,
  orStorageFailure,
  putInPlace,
  removeLeftover,
  syncNames,
  temporarySuffix,
} from './durable-steps.js';
import { StorageDamage } from './errors.js';

export { temporarySuffix } from './durable-steps.js';

const sealOf = (document: Uint8Array): string => `crc32 ${crc32(document).toString(16).padStart(8, '0')}\n`;

const sealBytes = sealOf(new Uint8Array(0)).length;

function sealed(name: string, value: unknown): Uint8Array {
  const text: unknown = JSON.stringify(value, null, 2);
  if (typeof text !== 'string')
    throw new TypeError(`${name} cannot hold ${String(value)}: JSON has no such value`);
  const document = Buffer.from(`${text}\n`);
  return Buffer.concat([document, Buffer.from(sealOf(document))]);
}

/**
 * Replaces a small file as a whole: whatever happens, the old content or the new one is there. The value must survive
 * JSON. One write of a name at a time.
 * @throws NoSpaceError, and then the old content is there; StorageFailure, and then either may be
 */
export async function writeSealed(disk: Disk, name: string, value: unknown): Promise<void> {
  const bytes = sealed(name, value);
  const temporary = `${name}${temporarySuffix}`;
  try {
    await orNoSpace(`the write of ${temporary}`, () => writeAll(disk, temporary, bytes));
  } catch (error) {
    if (error instanceof NoSpaceError) await removeLeftover(disk, temporary);
    throw error;
  }
  await putInPlace(disk, temporary, name);
  await syncNames(disk);
}

async function writeAll(disk: Disk, name: string, bytes: Uint8Array): Promise<void> {
  const file = await openEmpty(disk, name);
  try {
    await file.write(0, bytes);
    await orStorageFailure(`the sync of ${name}`, () => file.datasync());
  } finally {
    await file.close();
  }
}

/**
 * What `writeSealed` last put there, or `undefined` if there is no such file.
 * @throws StorageDamage unless every byte is as it was written
 */
export async function readSealed(disk: Disk, name: string): Promise<unknown> {
  const file = await openIfThere(disk, name);
  if (file === undefined) return undefined;
  try {
    return unsealed(name, await file.read(0, await file.size()));
  } finally {
    await file.close();
  }
}

function unsealed(name: string, bytes: Uint8Array): unknown {
  if (bytes.length < sealBytes) {
    throw new StorageDamage(name, `${bytes.length} bytes are too few for a checksum, which has ${sealBytes}`);
  }
  const document = bytes.subarray(0, bytes.length - sealBytes);
  const expected = sealOf(document);
  // Byte by byte: decoding could make equal what differs.
  if (Buffer.compare(bytes.subarray(document.length), Buffer.from(expected)) !== 0) {
    throw new StorageDamage(
      name,
      `the last line is not ${JSON.stringify(expected)}, the checksum of what precedes it`,
    );
  }
  try {
    return JSON.parse(Buffer.from(document).toString());
  } catch (error) {
    throw new StorageDamage(name, `its checksum is right but it is not JSON (${String(error)})`);
  }
}
