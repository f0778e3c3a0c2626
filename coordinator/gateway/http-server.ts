import { StagecoachError } from "../../common/errors.js";
import {
  formatAddress,
  listenError,
  parseListenAddress,
  resolveListenHost,
} from "../../common/listen-address.js";
import { createHttpApp, type HttpApp } from "./http-app.js";
import type { HttpAppOptions } from "./http-app-options.js";
import { listenInThread, type SocketThread } from "./sockets/listen-in-thread.js";

/** What the HTTP server is made from. */
export interface HttpServerOptions extends HttpAppOptions {
  /** `host:port`; port 0 takes a free one. */
  readonly listen: string;
}

/** An HTTP server that listens. */
export interface HttpServer {
  /** `host:port`, with the port that was really taken. */
  readonly address: string;
  readonly port: number;
  /**
   * Refuses new requests, lets running ones end for up to `graceMs` (defaults to 5,000), then ends them
   * with UNAVAILABLE and closes every connection.
   */
  close(graceMs?: number): Promise<void>;
}

const option = "--http";
/** Time for clients to take the error that ends their stream. */
const farewellMs = 500;

/** @throws StagecoachError FAILED_PRECONDITION when the port is taken, INVALID_ARGUMENT for a bad address */
export async function startHttp(options: HttpServerOptions): Promise<HttpServer> {
  const wanted = parseListenAddress(options.listen, option);
  const host = await resolveListenHost(wanted, option);
  const app = createHttpApp(options);
  try {
    const sockets = await listen(app, host, wanted.port);
    const { port } = sockets;
    const address = formatAddress(wanted.host, port);
    options.log.debug({ address }, "HTTP listens");
    return { address, port, close: (graceMs = 5_000) => close(app, sockets, graceMs) };
  } catch (reason) {
    await app.fastify.close();
    throw listenError(reason, formatAddress(wanted.host, wanted.port), option);
  }
}

async function listen({ fastify }: HttpApp, host: string, port: number): Promise<SocketThread> {
  await fastify.ready();
  const { server } = fastify;
  const sockets = await listenInThread({ host, port }, (socket) => server.emit("connection", socket));
  // From here on it watches over its connections' timeouts, and can close them.
  server.emit("listening");
  return sockets;
}

async function close({ fastify, active }: HttpApp, sockets: SocketThread, graceMs: number): Promise<void> {
  sockets.stop();
  const closed = fastify.close();
  // Ends the connections that wait for a request.
  fastify.server.close();
  await within(graceMs, active.idle());
  active.cancelAll(
    new StagecoachError("UNAVAILABLE", "the server is stopping; try again elsewhere or later"),
  );
  await within(farewellMs, active.idle());
  fastify.server.closeAllConnections();
  await closed;
  await sockets.close(farewellMs);
}

async function within(limitMs: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs);
  });
  await Promise.race([done, late]);
  clearTimeout(timer);
}
