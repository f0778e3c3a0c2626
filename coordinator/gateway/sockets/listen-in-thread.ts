import { once } from "node:events";
import { startThread } from "../../../common/start-thread.js";
import { RelayedSocket } from "./relayed-socket.js";
import type {
  ConnectionNews,
  FromSockets,
  SocketOrder,
  SocketThreadData,
  ToSockets,
} from "./socket-messages.js";

/** A thread that listens. */
export interface SocketThread {
  readonly port: number;
  /** Takes no more connections. */
  stop(): void;
  /** Ends the thread when all connections are gone, or after `limitMs`. */
  close(limitMs: number): Promise<void>;
}

/**
 * Listens in a thread of its own, which alone reads from and writes to the connections: with an event for each of 256
 * connections a step, system calls would be half of what this thread's event loop has to do. What connections are told
 * within a turn of the event loop goes there in one message.
 * @param onConnection hears of each connection
 * @throws Error what listening failed with
 */
export async function listenInThread(
  address: SocketThreadData,
  onConnection: (socket: RelayedSocket) => void,
): Promise<SocketThread> {
  const thread = startThread(import.meta.url, "socket-thread", address);
  const sockets = new Map<number, RelayedSocket>();
  const post = (message: ToSockets): void => thread.postMessage(message);
  const order = createOrders(post);
  const open = (id: number, remoteAddress: string | undefined): void => {
    const socket = new RelayedSocket(remoteAddress, (what) => order(id, what));
    sockets.set(id, socket);
    socket.once("close", () => sockets.delete(id));
    onConnection(socket);
  };
  const [first] = (await once(thread, "message")) as [FromSockets];
  if (first.kind !== "listening") {
    await thread.terminate();
    throw new Error(first.kind === "refused" ? first.message : `the socket thread begins with ${first.kind}`);
  }
  // An `error` of the thread has no listener and ends the process: nobody could be answered.
  thread.on("message", (message: FromSockets) => {
    if (message.kind === "listening" || message.kind === "refused") return;
    if (message.kind === "opened") return open(message.id, message.remoteAddress);
    const socket = sockets.get(message.id);
    if (socket !== undefined) tell(socket, message);
  });
  const exited = once(thread, "exit");
  return {
    port: first.port,
    stop: () => post({ kind: "stop" }),
    close: async (limitMs) => {
      const timer = setTimeout(() => void thread.terminate(), limitMs);
      await exited;
      clearTimeout(timer);
    },
  };
}

function createOrders(post: (message: ToSockets) => void): (id: number, order: SocketOrder) => void {
  let ids: number[] = [];
  let orders: SocketOrder[] = [];
  const flush = (): void => {
    post({ kind: "orders", ids, orders });
    ids = [];
    orders = [];
  };
  return (id, order) => {
    if (ids.length === 0) setImmediate(flush);
    ids.push(id);
    orders.push(order);
  };
}

function tell(socket: RelayedSocket, news: ConnectionNews): void {
  switch (news.kind) {
    case "received":
      socket.received(news.bytes);
      break;
    case "ended":
      socket.ended();
      break;
    case "taken":
      socket.taken(news.length);
      break;
    case "closed":
      socket.lost(news.error);
      break;
  }
}
