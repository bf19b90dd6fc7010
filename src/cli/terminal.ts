/** The process around a command, so that tests can run commands in their own process. */
export interface Terminal {
  /** Writes results to standard output, as they are. */
  out(text: string): void;
  /** Writes a line for people to standard error. */
  note(line: string): void;
  /** Shows how far a command has come, in place of what was shown before; shown only where a person looks on. */
  progress(text: string): void;
  /** Whether a person looks on, so that progress is shown. */
  readonly watched: boolean;
  /**
   * All of standard input.
   * @throws RangeError if it is longer than `limitBytes`
   */
  readInput(limitBytes: number): Promise<Uint8Array>;
  /** Aborts at the first Ctrl-C or SIGTERM. */
  readonly interrupted: AbortSignal;
  /** The process that started this one, if it listens to it. */
  readonly parent: Parent | undefined;
}

/** The way from `serve` to the `dev` that started it. */
export interface Parent {
  /** Resolves when the message has left. */
  tell(message: unknown): Promise<void>;
  /** Aborts when the parent is gone, however it went. */
  readonly gone: AbortSignal;
}

/** Resolves when `signal` aborts. */
export function whenAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
