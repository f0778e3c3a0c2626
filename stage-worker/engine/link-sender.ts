import { StagecoachError } from "../../common/errors.js";
import type { MessageParts } from "../../common/wire/encode-message.js";
import { connectLink } from "../../common/wire/link-connection.js";
import { LinkWriter } from "../../common/wire/link-writer.js";
import type { StageTarget } from "./engine-messages.js";
import { PortWriter } from "./port-writer.js";

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

type Writer = LinkWriter | PortWriter;
type Way = "unknown" | "asked" | "host" | "closed" | Writer;

/**
 * The way out of the engine's thread to the next stage. Over a link a frame is in the network's hands before
 * `send` returns, without waking any other thread of this process; where the next engine is in this process, its
 * memory is moved there. Where no link can be had, frames go through the host by gRPC; the way is chosen once, before
 * the first frame leaves.
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

  /** A second part is given away: nobody else uses its memory. */
  send(parts: MessageParts): void {
    if (typeof this.#way === "object") this.#way.write(parts, this.#options.onLeft);
    else if (this.#way === "host") this.#options.sendByHost(parts);
    else if (this.#way !== "closed") {
      this.#waiting.push(parts);
      if (this.#way === "unknown") this.#options.onFirst();
      this.#way = "asked";
    }
  }

  /** Connects, or falls back to the host when there is no target or it cannot be reached. */
  async takeWay(target: StageTarget | undefined): Promise<void> {
    const writer = target && (await this.#connect(target));
    if (this.#way === "closed") writer?.close();
    else this.#begin(writer ?? "host");
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
    if (typeof way === "object") way.close();
  }

  async #connect(target: StageTarget): Promise<Writer | undefined> {
    if ("here" in target) return new PortWriter(target.here, (why) => this.#lost(why));
    const socket = await connectLink(target);
    return socket && new LinkWriter(socket, (...why) => this.#lost(...why));
  }

  #begin(way: Writer | "host"): void {
    this.#way = way;
    for (const parts of this.#waiting.splice(0)) this.send(parts);
    if (this.#ending) this.end();
  }

  #lost(why: string, cause?: Error): void {
    this.close();
    const message = `lost the next stage at ${this.#options.address}: ${why}`;
    this.#options.onBroken(new StagecoachError("UNAVAILABLE", message, { cause }));
  }
}
