import { Clerk, type CallLimits, type ClerkOptions } from '../../src/index.js';

/** A clerk whose calls are counted. */
export class CountedClerk extends Clerk {
  /** @param called is told of every call as it begins */
  constructor(
    options: ClerkOptions,
    private readonly called: () => void,
  ) {
    super(options);
  }

  override find(key: string, limits?: CallLimits): Promise<string | undefined> {
    this.called();
    return super.find(key, limits);
  }

  override put(key: string, value: string, limits?: CallLimits): Promise<void> {
    this.called();
    return super.put(key, value, limits);
  }

  override append(key: string, value: string, limits?: CallLimits): Promise<void> {
    this.called();
    return super.append(key, value, limits);
  }

  override putHash(key: string, value: string, limits?: CallLimits): Promise<string> {
    this.called();
    return super.putHash(key, value, limits);
  }
}
