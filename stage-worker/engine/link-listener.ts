import { createServer, type Server, type Socket } from "node:net";
import { StagecoachError } from "../../common/errors.js";
import { LinkReader } from "../../common/wire/link-framing.js";
import type { LinkListen } from "./engine-messages.js";

/** How long a connection may take to say its token. */
const tokenTimeoutMs = 5_000;
/** Connections that may be saying their token at once. */
const maxStrangers = 8;

/** What comes over a link. */
export interface LinkEvents {
  /** The stage before this one has connected; false refuses it. */
  readonly onLinked: () => boolean;
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
 * The way into the engine's thread for frames of the stage before. They are read when the engine is free; what
 * comes meanwhile waits in the socket, whose fullness holds the sender back.
 */
export class LinkListener {
  readonly #server: Server;
  readonly #token: Uint8Array;
  readonly #events: LinkEvents;
  readonly #strangers = new Set<Socket>();
  #socket: Socket | undefined;
  #over = false;

  constructor(token: Uint8Array, events: LinkEvents) {
    this.#token = token;
    this.#events = events;
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#greet(socket));
  }

  /** The port that it listens on; 0 when it cannot, and frames have to come by gRPC. */
  listen({ host }: LinkListen): Promise<number> {
    return new Promise((resolve) => {
      this.#server.once("error", () => resolve(0));
      this.#server.listen(0, host, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  /** Takes frames from the network again. */
  resume(): void {
    if (this.#socket?.isPaused()) this.#socket.resume();
  }

  close(): void {
    this.#over = true;
    this.#server.close();
    for (const socket of this.#strangers) socket.destroy();
    this.#socket?.destroy();
  }

  #greet(socket: Socket): void {
    if (this.#over || this.#socket !== undefined || this.#strangers.size >= maxStrangers) {
      socket.destroy();
      return;
    }
    this.#strangers.add(socket);
    const timer = setTimeout(() => {
      if (socket !== this.#socket) socket.destroy();
    }, tokenTimeoutMs);
    const reader = new LinkReader(this.#token);
    socket.on("data", (chunk) => this.#read(socket, reader, chunk));
    socket.on("end", () => this.#end(socket, reader));
    socket.on("error", (cause) => this.#broke(socket, cause));
    socket.on("close", () => {
      clearTimeout(timer);
      this.#strangers.delete(socket);
      this.#broke(socket);
    });
  }

  #read(socket: Socket, reader: LinkReader, chunk: Buffer): void {
    try {
      for (const frame of reader.read(chunk)) {
        if (!this.#admit(socket)) return;
        this.#events.onFrame(frame);
      }
      if (reader.admitted && !this.#admit(socket)) return;
      if (!this.#events.mayTake()) socket.pause();
    } catch (reason) {
      if (socket === this.#socket) this.#fail(StagecoachError.from(reason));
      socket.destroy();
    }
  }

  /** From the moment its token was right, a connection is the link, and nobody else may come. */
  #admit(socket: Socket): boolean {
    if (socket === this.#socket) return !this.#over;
    this.#strangers.delete(socket);
    if (this.#over || this.#socket !== undefined || !this.#events.onLinked()) {
      socket.destroy();
      return false;
    }
    this.#socket = socket;
    this.#server.close();
    for (const stranger of this.#strangers) stranger.destroy();
    return true;
  }

  #end(socket: Socket, reader: LinkReader): void {
    if (socket !== this.#socket || this.#over || !reader.between) return;
    this.#over = true;
    this.#events.onEnd();
  }

  #broke(socket: Socket, cause?: Error): void {
    if (socket !== this.#socket || this.#over) return;
    const why = cause === undefined ? "" : `: ${cause.message}`;
    this.#fail(new StagecoachError("UNAVAILABLE", `the link into it broke off${why}`, { cause }));
  }

  #fail(reason: StagecoachError): void {
    if (this.#over) return;
    this.#over = true;
    this.#events.onBroken(reason);
  }
}
