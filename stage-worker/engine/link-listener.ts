import type { Socket } from "node:net";
import { StagecoachError } from "../../common/errors.js";
import { LinkReader } from "../../common/wire/link-framing.js";

/** What comes over a link. */
export interface LinkEvents {
  /** A frame's bytes. What it throws ends the link. */
  readonly onFrame: (bytes: Buffer) => void;
  /** Whether the next frame may be taken from the network. */
  readonly mayTake: () => boolean;
  /** The frames have ended as they should. */
  readonly onEnd: () => void;
  /** The link broke, or a frame was wrong. */
  readonly onBroken: (reason: StagecoachError) => void;
}

/**
 * The way into the engine's thread for frames. They are read when the engine is free; what comes meanwhile waits
 * in the socket, whose fullness holds the sender back.
 */
export class LinkListener {
  readonly #socket: Socket;
  readonly #events: LinkEvents;
  readonly #reader = new LinkReader();
  #over = false;

  constructor(socket: Socket, events: LinkEvents) {
    this.#socket = socket;
    this.#events = events;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("end", () => this.#end());
    socket.on("error", (cause) => this.#broke(cause));
    socket.on("close", () => this.#broke());
    socket.resume();
  }

  /** Takes frames from the network again. */
  resume(): void {
    if (this.#socket.isPaused()) this.#socket.resume();
  }

  close(): void {
    this.#over = true;
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.read(chunk)) {
        if (this.#over) return;
        this.#events.onFrame(frame);
      }
      if (!this.#events.mayTake()) this.#socket.pause();
    } catch (reason) {
      this.#fail(StagecoachError.from(reason));
      this.#socket.destroy();
    }
  }

  #end(): void {
    if (this.#over || !this.#reader.between) return;
    this.#over = true;
    this.#events.onEnd();
  }

  #broke(cause?: Error): void {
    const why = cause === undefined ? "" : `: ${cause.message}`;
    this.#fail(new StagecoachError("UNAVAILABLE", `the link into it broke off${why}`, { cause }));
  }

  #fail(reason: StagecoachError): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.onBroken(reason);
  }
}
