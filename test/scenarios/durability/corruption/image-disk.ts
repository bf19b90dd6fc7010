import type { Disk, DiskFile } from '../../../../src/storage/disk.js';
import { seededRandom } from '../../../../src/runtime/random.js';
import { SimulatedDisk } from '../../../../src/sim/simulated-disk.js';

/** The files of a directory. Their bytes are never changed in place, so that many images share them. */
export type Image = ReadonlyMap<string, Uint8Array>;

type OnRead = (file: string, offset: number, length: number) => void;

const missing = (name: string): Error =>
  Object.assign(new Error(`ENOENT: no such file or directory, '${name}'`), { code: 'ENOENT' });

interface Content {
  /** Its name in the image. */
  readonly name: string;
  bytes: Uint8Array;
  /** Whether the bytes belong to this disk alone. */
  own: boolean;
}

/**
 * A disk that begins with an image and leaves it as it is. It keeps what is written and forgets nothing: for the opening
 * of very many directories, of which each differs a little from the last.
 */
export class ImageDisk implements Disk {
  readonly #files: Map<string, Content>;

  /** @param onRead told of every reading of a file that the image has, by its name there */
  constructor(
    image: Image,
    private readonly onRead: OnRead = () => undefined,
  ) {
    this.#files = new Map([...image].map(([name, bytes]) => [name, { name, bytes, own: false }]));
  }

  open(name: string, options?: { readonly create?: boolean }): Promise<DiskFile> {
    const content = this.#files.get(name) ?? { name, bytes: new Uint8Array(0), own: true };
    if (!this.#files.has(name)) {
      if (options?.create !== true) return Promise.reject(missing(name));
      this.#files.set(name, content);
    }
    return Promise.resolve(openFile(content, this.onRead));
  }

  rename(from: string, to: string): Promise<void> {
    const content = this.#files.get(from);
    if (content === undefined) return Promise.reject(missing(from));
    this.#files.delete(from);
    this.#files.set(to, content);
    return Promise.resolve();
  }

  remove(name: string): Promise<void> {
    return this.#files.delete(name) ? Promise.resolve() : Promise.reject(missing(name));
  }

  list(): Promise<string[]> {
    return Promise.resolve([...this.#files.keys()].sort());
  }

  syncDirectory(): Promise<void> {
    return Promise.resolve();
  }
}

function openFile(content: Content, onRead: OnRead): DiskFile {
  const resize = (length: number) => {
    const bytes = new Uint8Array(length);
    bytes.set(content.bytes.subarray(0, length));
    [content.bytes, content.own] = [bytes, true];
  };
  return {
    read: (offset, length) => {
      if (!content.own) onRead(content.name, offset, length);
      const bytes = content.bytes.subarray(offset, offset + length);
      // What is written may be changed in place.
      return Promise.resolve(content.own ? bytes.slice() : bytes);
    },
    write: (offset, bytes) => {
      const end = offset + bytes.length;
      if (!content.own || end > content.bytes.length) resize(Math.max(end, content.bytes.length));
      content.bytes.set(bytes, offset);
      return Promise.resolve();
    },
    datasync: () => Promise.resolve(),
    size: () => Promise.resolve(content.bytes.length),
    truncate: (length) => {
      resize(length);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
}

/** What is on a simulated disk now. */
export async function imageOf(disk: SimulatedDisk): Promise<Image> {
  return new Map((await disk.list()).map((name) => [name, disk.content(name)]));
}

/** A simulated disk with the content of an image, all of it synced. */
export async function simulatedDiskOf(image: Image): Promise<SimulatedDisk> {
  const disk = new SimulatedDisk(seededRandom(1));
  for (const [name, bytes] of image) {
    await (await disk.open(name, { create: true })).close();
    disk.overwrite(name, 0, bytes);
  }
  await disk.syncDirectory();
  return disk;
}
