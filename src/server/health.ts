import type { Clock, Timer } from '../runtime/clock.js';

export type ServingStatus = 'SERVING' | 'NOT_SERVING';

/**
 * Watches whether a replica serves and tells of every change, and of how it stands at first. Looks four times a
 * Hello interval, so that a majority fallen silent shows soon after its second missed Hello.
 */
export function watchHealth(
  clock: Clock,
  helloIntervalMs: number,
  serving: () => boolean,
  tell: (status: ServingStatus) => void,
): { readonly stop: () => void } {
  let told: ServingStatus | undefined;
  let timer: Timer | undefined;
  const look = () => {
    const status = serving() ? 'SERVING' : 'NOT_SERVING';
    if (status !== told) tell(status);
    told = status;
    timer = clock.timer(helloIntervalMs / 4, look);
  };
  look();
  return { stop: () => timer?.cancel() };
}
