/**
 * A signal that aborts when either of two does. `release` lets go of both: one of them may live as long as its
 * process, and must not keep what listened to it.
 */
export function eitherSignal(
  left: AbortSignal,
  right: AbortSignal,
): { readonly signal: AbortSignal; readonly release: () => void } {
  const abort = new AbortController();
  const both = [left, right];
  const onAbort = () => abort.abort();
  for (const signal of both) {
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  }
  return {
    signal: abort.signal,
    release: () => {
      for (const signal of both) signal.removeEventListener('abort', onAbort);
    },
  };
}
