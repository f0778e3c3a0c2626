import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { LinkReader } from "./link-framing.js";
import { LinkWriter } from "./link-writer.js";

/** A writer, and the socket at the other end. */
async function linked() {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [[far]] = (await Promise.all([once(server, "connection"), once(socket, "connect")])) as [
    [Socket],
    unknown,
  ];
  server.close();
  onTestFinished(() => void far.destroy());
  onTestFinished(() => void socket.destroy());
  const onBroken = vi.fn();
  return { writer: new LinkWriter(socket, onBroken), socket, far, onBroken };
}

test("a small message has left when write returns, a large one when the other end reads", async () => {
  const { writer, far } = await linked();
  const [small, large] = [vi.fn(), vi.fn()];
  writer.write([Uint8Array.of(1)], small);
  expect(small).toHaveBeenCalledTimes(1);
  writer.write([Uint8Array.of(2), new Uint8Array(2 ** 24)], large);
  expect(large).not.toHaveBeenCalled();
  const reader = new LinkReader();
  const sizes: number[] = [];
  far.on("data", (chunk: Buffer) => {
    for (const message of reader.read(chunk)) sizes.push(message.length);
  });
  await vi.waitFor(() => expect(sizes).toEqual([1, 2 ** 24 + 1]));
  await vi.waitFor(() => expect(large).toHaveBeenCalledTimes(1));
  expect(small).toHaveBeenCalledTimes(1);
});

test("the other end's going is told once, also when it was before", async () => {
  const { writer, socket, far, onBroken } = await linked();
  far.destroy();
  await vi.waitFor(() => expect(onBroken).toHaveBeenCalledTimes(1));
  writer.write([Uint8Array.of(1)]);
  const late = vi.fn();
  new LinkWriter(socket, late);
  expect(late).not.toHaveBeenCalled();
  await vi.waitFor(() => expect(late).toHaveBeenCalledTimes(1));
  expect(onBroken).toHaveBeenCalledTimes(1);
});

test("a link that is ended ends, one that is aborted breaks, and neither is told here", async () => {
  const ended = await linked();
  ended.writer.end();
  await once(ended.far.resume(), "end");
  const aborted = await linked();
  const broke = once(aborted.far.resume(), "error");
  aborted.writer.abort();
  expect(((await broke)[0] as NodeJS.ErrnoException).code).toBe("ECONNRESET");
  expect([ended.onBroken, aborted.onBroken].flatMap(({ mock }) => mock.calls)).toEqual([]);
});
