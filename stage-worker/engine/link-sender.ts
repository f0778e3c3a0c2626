import { connect, type Socket } from "node:net";
import { StagecoachError } from "../../common/errors.js";
import type { MessageParts } from "../../common/wire/encode-message.js";
import { framedParts } from "../../common/wire/link-framing.js";
import type { LinkTarget } from "./engine-messages.js";

/** Longer than a connection to a machine that is there takes. */
const connectTimeoutMs = 2_000;

/** What a sender works with. */
export interface LinkSenderOptions {
  /** The next stage, for messages. */
  readonly address: string;
  /** Asks the host which way frames go; `takeWay` is the answer. */
  readonly onFirst: () => void;
  /** Takes a frame that goes by gRPC; the host counts it when it has left. */
  readonly sendByHost: (parts: MessageParts) => void;
  /** One frame has left over the link. */
  readonly onLeft: () => void;
  /** Frames can no longer be sent. */
  readonly onBroken: (reason: StagecoachError) => void;
}

type Way = "unknown" | "asked" | "host" | "closed" | Socket;

/**
 * The way out of the engine's thread to the next stage. Over a link a frame is in the network's hands before
 * `send` returns, without waking any other thread of this process. Where no link can be had, frames go through
 * the host by gRPC; the way is chosen once, before the first frame leaves.
 */
export class LinkSender {
  readonly #options: LinkSenderOptions;
  readonly #waiting: MessageParts[] = [];
  #way: Way = "unknown";
  #ending = false;

  constructor(options: LinkSenderOptions) {
    this.#options = options;
  }

  /** Whether the engine's own thread has to write what the network did not take at once. */
  get direct(): boolean {
    return typeof this.#way === "object";
  }

  send(parts: MessageParts): void {
    if (typeof this.#way === "object") this.#write(this.#way, parts);
    else if (this.#way === "host") this.#options.sendByHost(parts);
    else if (this.#way !== "closed") {
      this.#waiting.push(parts);
      if (this.#way === "unknown") this.#options.onFirst();
      this.#way = "asked";
    }
  }

  /** Connects, or falls back to the host when there is no target or it cannot be reached. */
  takeWay(target: LinkTarget | undefined): void {
    if (this.#way === "closed") return;
    if (target === undefined) {
      this.#begin("host");
      return;
    }
    const socket = connect({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
    const fallBack = (): void => {
      if (this.#way !== "asked") return;
      socket.destroy();
      this.#begin("host");
    };
    // A computation may have kept both this and the connection waiting: the connection is looked at first.
    const timer = setTimeout(() => setImmediate(fallBack), connectTimeoutMs);
    socket.once("error", fallBack);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", fallBack);
      if (this.#way !== "asked") {
        socket.destroy();
        return;
      }
      this.#watch(socket);
      socket.write(target.token);
      this.#begin(socket);
    });
  }

  /** Ends the link after the frames that were sent. */
  end(): void {
    this.#ending = true;
    if (typeof this.#way === "object") this.#way.end();
  }

  /** Drops the link and everything still under way. */
  close(): void {
    const way = this.#way;
    this.#way = "closed";
    this.#waiting.length = 0;
    if (typeof way === "object") way.destroy();
  }

  #begin(way: Way): void {
    this.#way = way;
    for (const parts of this.#waiting.splice(0)) this.send(parts);
    if (this.#ending) this.end();
  }

  /** A frame that the network took at once has left already; another has when it calls back. */
  #write(socket: Socket, parts: MessageParts): void {
    let left = false;
    const leave = (): void => {
      if (!left) this.#options.onLeft();
      left = true;
    };
    const [head, tail] = framedParts(parts);
    socket.cork();
    if (tail !== undefined) socket.write(head);
    socket.write(tail ?? head, (error) => {
      if (!error) leave();
    });
    socket.uncork();
    if (socket.writableLength === 0) leave();
  }

  #watch(socket: Socket): void {
    const broken = (cause?: unknown): void => {
      if (this.#way === "closed" || this.#ending) return;
      const why = cause instanceof Error ? cause.message : "it ended the connection";
      this.close();
      this.#options.onBroken(
        new StagecoachError("UNAVAILABLE", `lost the next stage at ${this.#options.address}: ${why}`, {
          cause,
        }),
      );
    };
    socket.on("error", broken);
    socket.on("close", () => broken());
    // Nothing is ever said in return; without reading, its end would not be seen.
    socket.resume();
  }
}
