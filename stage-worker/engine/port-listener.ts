import type { MessagePort } from "node:worker_threads";
import { StagecoachError } from "../../common/errors.js";
import type { MessageParts } from "../../common/wire/encode-message.js";
import type { LinkEvents } from "./link-listener.js";
import { type PortEnd, type PortMessage, portRoom } from "./port-link.js";
import { SharedCount } from "./shared-count.js";

/** What comes over a port. Nothing holds it up: the sender stops by itself, by what was taken. */
export type PortEvents = Pick<LinkEvents, "onEnd" | "onBroken"> & {
  readonly onFrame: (parts: MessageParts) => void;
};

/** The way into the engine's thread for frames of another engine of this process. */
export class PortListener {
  readonly #port: MessagePort;
  readonly #taken: SharedCount;
  readonly #events: PortEvents;
  #over = false;

  constructor({ port, taken }: PortEnd, events: PortEvents) {
    this.#port = port;
    this.#taken = new SharedCount(taken);
    this.#events = events;
    port.on("message", (message: PortMessage) => this.#hear(message));
    port.on("messageerror", (cause) => this.#broke(cause));
    port.on("close", () => this.#broke());
  }

  /** One more frame has been taken; wakes the sender when it waits. */
  resume(): void {
    if (this.#taken.add()) this.#port.postMessage(portRoom);
  }

  close(): void {
    this.#over = true;
    this.#port.close();
  }

  #hear(message: PortMessage): void {
    if (this.#over) return;
    if (message.kind === "frame") {
      const { head, tail } = message;
      this.#events.onFrame(tail === undefined ? [head] : [head, tail]);
      return;
    }
    this.close();
    this.#events.onEnd();
  }

  #broke(cause?: Error): void {
    if (this.#over) return;
    this.close();
    const why = cause === undefined ? "" : `: ${cause.message}`;
    this.#events.onBroken(new StagecoachError("UNAVAILABLE", `the link into it broke off${why}`, { cause }));
  }
}
