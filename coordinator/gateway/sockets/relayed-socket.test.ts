import { expect, test } from "vitest";
import { RelayedSocket } from "./relayed-socket.js";
import { type SocketOrder, socketCommand, windowLength } from "./socket-messages.js";

function setUp() {
  const orders: SocketOrder[] = [];
  const socket = new RelayedSocket("127.0.0.1", (order) => orders.push(order));
  return { socket, orders };
}

const closed = (socket: RelayedSocket) => new Promise((resolve) => socket.once("close", resolve));

test("texts go on as they are, others as bytes", () => {
  const { socket, orders } = setUp();
  socket.write("é");
  socket.write("é", "latin1");
  socket.write(Buffer.of(1, 2));
  expect(orders).toEqual(["é", Buffer.of(0xe9), Buffer.of(1, 2)]);
});

test("writes wait while too much of what was written is not taken", async () => {
  const { socket, orders } = setUp();
  const text = "x".repeat(windowLength);
  expect(socket.write(text)).toBe(false);
  socket.write("later");
  socket.taken(0);
  await new Promise(setImmediate);
  expect(orders).toEqual([text]);
  const drained = new Promise((resolve) => socket.once("drain", resolve));
  socket.taken(6);
  await drained;
  expect(orders).toEqual([text, "later"]);
});

test("a client that writes faster than it is read is held back", () => {
  const { socket, orders } = setUp();
  const bytes = new Uint8Array(socket.readableHighWaterMark);
  socket.received(bytes);
  expect(orders).toEqual([socketCommand.pause]);
  expect(socket.read()).toHaveLength(bytes.length);
  expect(orders).toEqual([socketCommand.pause, socketCommand.resume]);
});

test("what was finished is written before the connection closes, what was not is dropped", async () => {
  const finished = setUp();
  finished.socket.write("all");
  finished.socket.destroySoon();
  await closed(finished.socket);
  expect(finished.orders).toEqual(["all", socketCommand.end, socketCommand.destroySoon]);
  const broken = setUp();
  broken.socket.destroy();
  await closed(broken.socket);
  expect(broken.orders).toEqual([socketCommand.destroy]);
});

test("a connection that broke says with what", async () => {
  const { socket } = setUp();
  const failed = new Promise((resolve) => socket.once("error", resolve));
  socket.lost({ message: "read ECONNRESET", code: "ECONNRESET" });
  expect(await failed).toMatchObject({ message: "read ECONNRESET", code: "ECONNRESET" });
});

test("a wait that is too long is told", async () => {
  const { socket } = setUp();
  await new Promise<void>((resolve) => socket.setTimeout(1, resolve));
  expect(socket.destroyed).toBe(false);
});
