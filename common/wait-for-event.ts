import { type EventEmitter, once } from "node:events";
import { setTimeout as pause } from "node:timers/promises";

/** Resolves at the next `event`, after `timeoutMs`, or when the signal aborts, whatever comes first. Leaves no timer behind. */
export async function waitForEvent<Events extends Record<keyof Events, unknown[]>>(
  emitter: EventEmitter<Events>,
  event: keyof Events & string,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  try {
    await Promise.race([
      once(emitter as EventEmitter, event, { signal: either }),
      pause(timeoutMs, undefined, { signal: either }),
    ]);
  } catch (reason) {
    if (!signal.aborted) throw reason;
  } finally {
    done.abort();
  }
}
