import type { Socket } from "node:net";
import type { MessageParts } from "./encode-message.js";
import { framedParts } from "./link-framing.js";
import { watchSocket } from "./watch-socket.js";

/** The writing end of a link. A message is in the network's hands before `write` returns, if it takes it. */
export class LinkWriter {
  readonly #socket: Socket;
  #over = false;

  /** @param onBroken hears once when the other end is gone, unless the link was ended or closed here */
  constructor(socket: Socket, onBroken: (why: string, cause?: Error) => void) {
    this.#socket = socket;
    watchSocket(socket, (cause) => {
      if (this.#over) return;
      this.close();
      onBroken(cause?.message ?? "it ended the connection", cause);
    });
    // Nothing is ever said in return; without reading, its end would not be seen.
    socket.resume();
  }

  /** `onLeft`: the network has it, at once or later. */
  write(parts: MessageParts, onLeft: () => void = () => undefined): void {
    if (this.#over) return;
    let left = false;
    const leave = (): void => {
      if (!left) onLeft();
      left = true;
    };
    const socket = this.#socket;
    const [head, tail] = framedParts(parts);
    socket.cork();
    if (tail !== undefined) socket.write(head);
    socket.write(tail ?? head, (error) => {
      if (!error) leave();
    });
    socket.uncork();
    if (socket.writableLength === 0) leave();
  }

  /** Ends the link after what was written. */
  end(): void {
    this.#over = true;
    this.#socket.end();
  }

  /** Drops the link and everything still under way. */
  close(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  /** As `close`; the other end sees for sure that the link broke off and did not end. */
  abort(): void {
    this.#over = true;
    this.#socket.resetAndDestroy();
  }
}
