import type { MessagePort } from "node:worker_threads";
import type { MessageParts } from "../../common/wire/encode-message.js";
import { maxFramesOnPort, type PortEnd, type PortMessage } from "./port-link.js";
import { SharedCount } from "./shared-count.js";

/** The writing end of a link to another engine of this process: what `LinkWriter` is where there is a network. */
export class PortWriter {
  readonly #port: MessagePort;
  readonly #taken: SharedCount;
  /** Of the frames for which there was no room yet, in their order. */
  readonly #held: (() => void)[] = [];
  /** Modulo 2^32, as `#taken` is counted. */
  #sent = 0;
  #over = false;

  /** @param onBroken hears once when the other end is gone, unless the link was ended or closed here */
  constructor({ port, taken }: PortEnd, onBroken: (why: string) => void) {
    this.#port = port;
    this.#taken = new SharedCount(taken);
    port.on("message", () => this.#release());
    port.on("close", () => {
      if (this.#over) return;
      this.#over = true;
      onBroken("it ended the connection");
    });
  }

  /** `onLeft`: the other end has room for it, at once or later. A second part is given away. */
  write([head, tail]: MessageParts, onLeft: () => void = () => undefined): void {
    if (this.#over) return;
    const given = tail && ownMemory(tail);
    const message: PortMessage = { kind: "frame", head, ...(given && { tail: given }) };
    this.#port.postMessage(message, given === undefined ? [] : [given.buffer]);
    this.#sent = (this.#sent + 1) | 0;
    this.#held.push(onLeft);
    this.#release();
  }

  /** Ends the link after what was written; the other end closes it. */
  end(): void {
    this.#over = true;
    this.#port.postMessage({ kind: "end" } satisfies PortMessage);
  }

  /** Drops the link and everything still under way. */
  close(): void {
    this.#over = true;
    this.#held.length = 0;
    this.#port.close();
  }

  #release(): void {
    while (this.#hasRoom()) this.#held.shift()?.();
  }

  /** Whether the frame that has waited longest may count as one that has left. If not, a message will come. */
  #hasRoom(): boolean {
    if (this.#held.length === 0) return false;
    const ahead = (): number => (this.#sent - this.#held.length + 1 - this.#taken.count) | 0;
    if (ahead() <= maxFramesOnPort) return true;
    this.#taken.wait();
    return ahead() <= maxFramesOnPort;
  }
}

/** Memory that holds nothing else, so that it can be moved: what the bytes have, or a copy. */
function ownMemory(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer, byteLength } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) return new Uint8Array(buffer);
  return new Uint8Array(bytes);
}
