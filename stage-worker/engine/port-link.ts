import { MessageChannel, type MessagePort } from "node:worker_threads";
import { SharedCount } from "./shared-count.js";

/**
 * Frames that may be on a port and not through the engine behind it. A socket's buffers hold some as well; lanes keep
 * them fewer, so this only holds a sender back that is far ahead.
 */
export const maxFramesOnPort = 16;

/** One end of a link between two engines of a process; it can be sent to the engine's thread, once. */
export interface PortEnd {
  readonly port: MessagePort;
  /** Memory of the count of frames that the receiving engine is done with. */
  readonly taken: SharedArrayBuffer;
}

/** What goes over the port, from the sender on. */
export type PortMessage =
  /** A Frame's bytes; what follows the head is moved, not copied, and is nobody else's any more. */
  | { readonly kind: "frame"; readonly head: Uint8Array; readonly tail?: Uint8Array }
  /** All frames have been sent. */
  | { readonly kind: "end" };

/** From the receiver back: frames have been taken that the sender waits for. */
export const portRoom = "room";

/** A link between two threads of this process. */
export function openPortLink(): { out: PortEnd; into: PortEnd } {
  const { port1, port2 } = new MessageChannel();
  const taken = new SharedCount().buffer;
  return { out: { port: port1, taken }, into: { port: port2, taken } };
}
