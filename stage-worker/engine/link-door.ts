import { timingSafeEqual } from "node:crypto";
import { createServer, type Server, type Socket } from "node:net";
import { linkTokenBytes } from "../../common/wire/link-framing.js";

/** How long a connection may take to say its token. */
const tokenTimeoutMs = 5_000;
/** Connections that may be saying their token at once. */
const maxStrangers = 8;

/** A connection that is expected, once. */
export interface LinkGuest {
  readonly token: Uint8Array;
  /** It has come; what the socket gives next is what came after the token. False sends it away. */
  readonly welcome: (socket: Socket) => boolean;
}

/** Where links into an engine's thread arrive: takes one connection a token, and closes after the last. */
export class LinkDoor {
  readonly #server: Server;
  readonly #expected: Set<LinkGuest>;
  readonly #strangers = new Set<Socket>();

  constructor(guests: readonly LinkGuest[]) {
    this.#expected = new Set(guests);
    this.#server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#greet(socket));
  }

  /** The port that it listens on; 0 when it cannot, and everything has to go by gRPC. */
  listen(host: string): Promise<number> {
    return new Promise((resolve) => {
      this.#server.once("error", () => resolve(0));
      this.#server.listen(0, host, () => {
        const address = this.#server.address();
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  }

  /** Nobody comes in any more. */
  close(): void {
    this.#expected.clear();
    this.#server.close();
    for (const socket of this.#strangers) socket.destroy();
  }

  #greet(socket: Socket): void {
    if (this.#expected.size === 0 || this.#strangers.size >= maxStrangers) {
      socket.destroy();
      return;
    }
    this.#strangers.add(socket);
    const timer = setTimeout(() => socket.destroy(), tokenTimeoutMs);
    const leave = (): void => {
      clearTimeout(timer);
      this.#strangers.delete(socket);
    };
    const look = (): void => {
      const said: Buffer | null = socket.read(linkTokenBytes);
      if (said === null) return;
      leave();
      socket.off("readable", look).off("close", leave);
      if (!this.#admit(socket, said)) socket.destroy();
    };
    // Closing follows, which whoever it is for looks at.
    socket.on("error", () => undefined);
    socket.on("readable", look).on("close", leave);
  }

  #admit(socket: Socket, said: Buffer): boolean {
    if (said.length !== linkTokenBytes) return false;
    const guest = [...this.#expected].find(({ token }) => timingSafeEqual(said, token));
    if (guest === undefined) return false;
    // From here on it is the link, and nobody else may come with this token.
    this.#expected.delete(guest);
    if (this.#expected.size === 0) this.close();
    return guest.welcome(socket);
  }
}
