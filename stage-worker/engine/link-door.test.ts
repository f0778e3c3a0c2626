import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, onTestFinished, test, vi } from "vitest";
import { linkTokenBytes } from "../../common/wire/link-framing.js";
import { LinkDoor } from "./link-door.js";

const tokens = [1, 2].map((value) => new Uint8Array(linkTokenBytes).fill(value));

/** A door for the two tokens, and who came in by each. */
async function openDoor(admits = true) {
  const came = tokens.map(() => vi.fn((_: Socket) => admits));
  const door = new LinkDoor(
    tokens.map((token, index) => ({ token, welcome: (socket) => came[index]?.(socket) ?? false })),
  );
  onTestFinished(() => door.close());
  const port = await door.listen("127.0.0.1");
  return { door, came, port };
}

function say(port: number, ...pieces: Uint8Array[]): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.on("connect", () => {
    for (const piece of pieces) socket.write(piece);
  });
  socket.resume();
  onTestFinished(() => void socket.destroy());
  return socket;
}

test("each token opens the door once, and what comes after it stays in the socket", async () => {
  const { came, port } = await openDoor();
  const [first, second] = tokens as [Uint8Array, Uint8Array];
  say(port, second.subarray(0, 7), Buffer.concat([second.subarray(7), Buffer.of(8, 9)]));
  await vi.waitFor(() => expect(came[1]).toHaveBeenCalledTimes(1));
  const socket = came[1]?.mock.calls[0]?.[0] as Socket;
  const after: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => after.push(chunk));
  socket.resume();
  await vi.waitFor(() => expect(Buffer.concat(after)).toEqual(Buffer.of(8, 9)));
  await once(say(port, second), "close");
  expect(came[1]).toHaveBeenCalledTimes(1);
  say(port, first);
  await vi.waitFor(() => expect(came[0]).toHaveBeenCalledTimes(1));
  const [reason] = (await once(connect(port, "127.0.0.1"), "error")) as [NodeJS.ErrnoException];
  expect(reason.code).toBe("ECONNREFUSED");
});

test("another token, half a token and an unwelcome guest are sent away", async () => {
  const { came, port } = await openDoor(false);
  await once(say(port, new Uint8Array(linkTokenBytes).fill(7)), "close");
  const half = say(port, (tokens[0] as Uint8Array).subarray(0, 5));
  half.on("connect", () => half.end());
  await once(half, "close");
  expect(came[0]).not.toHaveBeenCalled();
  await once(say(port, tokens[0] as Uint8Array), "close");
  expect(came[0]).toHaveBeenCalledTimes(1);
});

test("closing sends away who has not said a token", async () => {
  const { door, port } = await openDoor();
  const stranger = say(port);
  await once(stranger, "connect");
  // Whoever comes in later shows that the stranger has been seen.
  await once(say(port, new Uint8Array(linkTokenBytes)), "close");
  door.close();
  await once(stranger, "close");
});
