import type { Socket } from "node:net";
import { StagecoachError } from "../../common/errors.js";
import { joined, outputParts } from "../../common/wire/frame-bytes.js";
import { LinkWriter } from "../../common/wire/link-writer.js";
import type { Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { PortEnd } from "./port-link.js";
import { PortWriter } from "./port-writer.js";

/**
 * The way of sampled tokens from the last stage's engine to the first one's, where there is one: over a link, or a
 * port of this process. Without it they only go to the coordinator.
 */
export class TokenSender {
  readonly #onBroken: (reason: StagecoachError) => void;
  #way: LinkWriter | PortWriter | undefined;

  /** @param onBroken hears that tokens may be lost */
  constructor(onBroken: (reason: StagecoachError) => void) {
    this.#onBroken = onBroken;
  }

  /** Takes the first stage's connection and says its token back. */
  takeLink(socket: Socket, token: Uint8Array): boolean {
    socket.write(token);
    this.#way = new LinkWriter(socket, (...why) => this.#lost(...why));
    return true;
  }

  takePort(end: PortEnd): void {
    this.#way = new PortWriter(end, (why) => this.#lost(why));
  }

  send(output: Output): void {
    this.#way?.write([joined(outputParts(output))]);
  }

  /** Drops the link and everything still under way. */
  close(): void {
    this.#way?.close();
  }

  #lost(why: string, cause?: Error): void {
    this.#way = undefined;
    const message = `the link for tokens to the first stage broke off: ${why}`;
    this.#onBroken(new StagecoachError("UNAVAILABLE", message, { cause }));
  }
}
