import type { Request, Result } from '../kv/operation.js';
import type { CallOptions } from '../rpc/link.js';
import type { ClientLink } from './client-link.js';

/** A link that can be left while calls are under way on it: it is closed once the last of them has ended. */
export class LeavableLink implements ClientLink {
  #link: ClientLink | undefined;
  #isLeft = false;
  #underWay = 0;

  /** @param open opens the link, now and whenever it is used again after it was closed; may throw */
  constructor(
    readonly address: string,
    private readonly open: (address: string) => ClientLink,
  ) {
    this.#link = open(address);
  }

  async execute(request: Request, options: CallOptions): Promise<Result> {
    this.#link ??= this.open(this.address);
    this.#underWay += 1;
    try {
      return await this.#link.execute(request, options);
    } finally {
      this.#underWay -= 1;
      this.#closeIfDone();
    }
  }

  /** Few calls will follow, if any. */
  leave(): void {
    this.#isLeft = true;
    this.#closeIfDone();
  }

  /** It is to stay open, also if it was left before. */
  stay(): void {
    this.#isLeft = false;
  }

  /** Closes it with all that is under way. */
  close(): void {
    this.#link?.close();
    this.#link = undefined;
  }

  #closeIfDone(): void {
    if (this.#isLeft && this.#underWay === 0) this.close();
  }
}
