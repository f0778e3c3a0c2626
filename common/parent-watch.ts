import { z } from "zod";

/** What a child process tells the one that started it. */
const childMessage = z.discriminatedUnion("kind", [
  /** It serves; the facts are for whoever waits, e.g. the addresses that were taken. */
  z.object({ kind: z.literal("ready"), facts: z.record(z.string(), z.union([z.string(), z.number()])) }),
  /** What it does before it serves, for people. */
  z.object({ kind: z.literal("progress"), text: z.string() }),
  /** It is about to end because of an error. */
  z.object({ kind: z.literal("failed"), code: z.string(), message: z.string() }),
]);

export type ChildMessage = z.infer<typeof childMessage>;

/** Undefined for anything that is no message of ours. */
export function parseChildMessage(message: unknown): ChildMessage | undefined {
  return childMessage.safeParse(message).data;
}

/** True in a process that another one of ours started and watches. */
export function hasParent(): boolean {
  return process.channel !== undefined;
}

/** Tells the parent that this process serves; without a parent nothing happens. */
export function reportReady(facts: Readonly<Record<string, string | number>>): void {
  send({ kind: "ready", facts });
}

/** Tells the parent what this process does before it serves, e.g. `packing layer 3 of 30`. */
export function reportProgress(text: string): void {
  send({ kind: "progress", text });
}

/** Tells the parent why this process is about to end; without a parent nothing happens. */
export function reportFailure(code: string, message: string): void {
  send({ kind: "failed", code, message });
}

/**
 * Calls back once when the parent is gone, even when it was killed with SIGKILL: the system closes its end
 * of the channel. Without a parent nothing happens.
 */
export function onParentGone(callback: () => void): void {
  if (hasParent()) process.once("disconnect", callback);
}

function send(message: ChildMessage): void {
  // A parent that went meanwhile is noticed by `onParentGone`; the callback keeps the error from being thrown.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
}
