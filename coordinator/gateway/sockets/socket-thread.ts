import { type AddressInfo, createServer, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import {
  type FromSockets,
  type SocketError,
  type SocketOrder,
  type SocketThreadData,
  socketCommand,
  type ToSockets,
  windowLength,
} from "./socket-messages.js";

/** Entry of the thread that listens and owns the connections; it carries bytes and knows nothing of HTTP. */
function main({ host, port }: SocketThreadData): void {
  const connections = new Map<number, Connection>();
  let nextId = 1;
  // As Node's HTTP server listens.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const id = nextId++;
    const connection = { id, socket, untold: 0 };
    connections.set(id, connection);
    relay(connection, () => connections.delete(id));
  });
  server.once("error", ({ message }) => {
    post({ kind: "refused", message });
    parentPort?.close();
  });
  server.listen({ host, port }, () =>
    post({ kind: "listening", port: (server.address() as AddressInfo).port }),
  );
  parentPort?.on("message", (message: ToSockets) => {
    if (message.kind === "stop") {
      server.close(() => parentPort?.close());
      return;
    }
    message.ids.forEach((id, index) => {
      const connection = connections.get(id);
      if (connection !== undefined) obey(connection, message.orders[index] as SocketOrder);
    });
  });
}

function post(message: FromSockets): void {
  parentPort?.postMessage(message);
}

interface Connection {
  readonly id: number;
  readonly socket: Socket;
  /** Length of what was written since the coordinator's thread was told. */
  untold: number;
}

/** A message each is worth it from here on. */
const leastTold = windowLength / 4;

function relay(connection: Connection, onClosed: () => void): void {
  const { id, socket } = connection;
  let error: SocketError | undefined;
  post({ kind: "opened", id, remoteAddress: socket.remoteAddress });
  socket.on("data", (bytes) => post({ kind: "received", id, bytes }));
  socket.on("end", () => post({ kind: "ended", id }));
  socket.on("drain", () => tellTaken(connection));
  socket.on("error", (reason: NodeJS.ErrnoException) => {
    error = { message: reason.message, code: reason.code };
  });
  socket.on("close", () => {
    onClosed();
    post({ kind: "closed", id, ...(error !== undefined && { error }) });
  });
}

function tellTaken(connection: Connection): void {
  const { id, untold } = connection;
  connection.untold = 0;
  if (untold > 0) post({ kind: "taken", id, length: untold });
}

function obey(connection: Connection, order: SocketOrder): void {
  const { socket } = connection;
  switch (order) {
    case socketCommand.end:
      socket.end();
      break;
    case socketCommand.destroy:
      socket.destroy();
      break;
    case socketCommand.destroySoon:
      socket.destroySoon();
      break;
    case socketCommand.pause:
      socket.pause();
      break;
    case socketCommand.resume:
      socket.resume();
      break;
    default:
      connection.untold += order.length;
      if (socket.write(order) && connection.untold >= leastTold) tellTaken(connection);
  }
}

main(workerData as SocketThreadData);
