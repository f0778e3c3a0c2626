import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { LinkReader, linkTokenBytes } from "../../common/wire/link-framing.js";
import { LinkSender } from "./link-sender.js";

const token = new Uint8Array(linkTokenBytes).fill(3);

/** A sender, and what it told whoever made it. */
function senderWithEars() {
  const told = { onFirst: vi.fn(), sendByHost: vi.fn(), onLeft: vi.fn(), onBroken: vi.fn() };
  const sender = new LinkSender({ address: "next:1", ...told });
  onTestFinished(() => sender.close());
  return { sender, ...told };
}

/** A listener on a free port that keeps what comes. */
async function listener(onSocket: (socket: Socket) => void): Promise<number> {
  const server = createServer(onSocket);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function frame(...bytes: number[]): [Uint8Array] {
  return [Uint8Array.from(bytes)];
}

test("frames wait for the way to be known, and leave over the link in order", async () => {
  const { sender, onFirst, onLeft, sendByHost } = senderWithEars();
  const frames: number[][] = [];
  const ended = new Promise<void>((resolve) => {
    void listener((socket) => {
      const reader = new LinkReader();
      socket.once("readable", () => {
        expect(socket.read(linkTokenBytes)).toEqual(Buffer.from(token));
        socket.on("data", (chunk) => frames.push(...[...reader.read(chunk)].map((bytes) => [...bytes])));
        socket.resume();
      });
      socket.on("end", resolve);
    }).then((port) => {
      sender.send(frame(1));
      sender.send([Uint8Array.of(2), Uint8Array.of(3, 4)]);
      expect(onFirst).toHaveBeenCalledTimes(1);
      expect(onLeft).not.toHaveBeenCalled();
      void sender.takeWay({ host: "127.0.0.1", port, token });
      sender.end();
    });
  });
  await ended;
  expect(frames).toEqual([[1], [2, 3, 4]]);
  expect(onLeft).toHaveBeenCalledTimes(2);
  expect(sendByHost).not.toHaveBeenCalled();
});

test("without a target, or where nobody listens, frames go by the host", async () => {
  for (const target of [undefined, { host: "127.0.0.1", port: 1, token }]) {
    const { sender, sendByHost } = senderWithEars();
    sender.send(frame(1));
    void sender.takeWay(target);
    await vi.waitFor(() => expect(sendByHost).toHaveBeenCalledWith(frame(1)));
    sender.send(frame(2));
    expect(sendByHost).toHaveBeenLastCalledWith(frame(2));
    expect(sender.direct).toBe(false);
  }
});

test("a link that breaks is told once, with who was lost", async () => {
  const { sender, onBroken } = senderWithEars();
  const port = await listener((socket) => socket.on("data", () => socket.destroy()));
  sender.send(frame(1));
  void sender.takeWay({ host: "127.0.0.1", port, token });
  await vi.waitFor(() => expect(onBroken).toHaveBeenCalled());
  sender.send(frame(2));
  expect(onBroken).toHaveBeenCalledTimes(1);
  expect(onBroken.mock.calls[0]?.[0]).toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringMatching(/lost the next stage at next:1: /),
  });
});
