import type { Socket } from "node:net";
import { StagecoachError } from "../../common/errors.js";
import type { MessageParts } from "../../common/wire/encode-message.js";
import { LinkWriter } from "../../common/wire/link-writer.js";

/** What an output sender works with. */
export interface OutputSenderOptions {
  /** Takes an output that goes by gRPC; the host counts it when it has left. */
  readonly sendByHost: (parts: MessageParts, counted: boolean) => void;
  /** A counted output has left over the link. */
  readonly onLeft: () => void;
  /** What was sent may be lost. */
  readonly onBroken: (reason: StagecoachError) => void;
}

/**
 * The way out of the engine's thread to the coordinator: over its link, once it is there, else through the host
 * by gRPC. The coordinator sends no frame before it knows that its link is there, so the first output knows its way.
 */
export class OutputSender {
  readonly #options: OutputSenderOptions;
  #link: LinkWriter | undefined;
  #sent = false;

  constructor(options: OutputSenderOptions) {
    this.#options = options;
  }

  /** Whether the engine's own thread has to write what the network did not take at once. */
  get direct(): boolean {
    return this.#link !== undefined;
  }

  /** Takes the coordinator's connection and says its token back; refused when outputs have left by the host. */
  takeLink(socket: Socket, token: Uint8Array): boolean {
    if (this.#sent) return false;
    socket.write(token);
    this.#link = new LinkWriter(socket, (why, cause) => {
      this.#link = undefined;
      // A coordinator that gave the link up before anything was sent over it reads by gRPC.
      if (!this.#sent) return;
      const message = `the link for its outputs broke off: ${why}`;
      this.#options.onBroken(new StagecoachError("UNAVAILABLE", message, { cause }));
    });
    return true;
  }

  /** `counted` outputs are told when they have left. */
  send(parts: MessageParts, counted: boolean): void {
    this.#sent = true;
    if (this.#link === undefined) this.#options.sendByHost(parts, counted);
    else this.#link.write(parts, counted ? this.#options.onLeft : undefined);
  }

  /** Drops the link and everything still under way. */
  close(): void {
    this.#link?.close();
  }
}
