import { expect, onTestFinished, test, vi } from "vitest";
import type { MessageParts } from "../../common/wire/encode-message.js";
import { LinkSender } from "./link-sender.js";
import { maxFramesOnPort, openPortLink, type PortEnd } from "./port-link.js";
import { PortListener } from "./port-listener.js";

/** A sender and a listener of one link, and what they told whoever made them. */
function linked() {
  const { out, into } = openPortLink();
  const told = { onFirst: vi.fn(), sendByHost: vi.fn(), onLeft: vi.fn(), onBroken: vi.fn() };
  const sender = new LinkSender({ address: "next:1", ...told });
  const { listener, ...heard } = listening(into);
  onTestFinished(() => sender.close());
  return { sender, out, told, listener, heard };
}

function listening(into: PortEnd) {
  const frames: MessageParts[] = [];
  const onEnd = vi.fn();
  const onBroken = vi.fn();
  const listener = new PortListener(into, { onFrame: (parts) => frames.push(parts), onEnd, onBroken });
  onTestFinished(() => listener.close());
  return { listener, frames, onEnd, onBroken };
}

test("frames wait for the way to be known, arrive in order, and end", async () => {
  const { sender, out, told, heard } = linked();
  sender.send([Uint8Array.of(1)]);
  sender.send([Uint8Array.of(2), Uint8Array.of(3, 4)]);
  expect(told.onFirst).toHaveBeenCalledTimes(1);
  expect(told.onLeft).not.toHaveBeenCalled();
  await sender.takeWay({ here: out });
  expect(sender.direct).toBe(true);
  sender.send([Uint8Array.of(5)]);
  sender.end();
  await vi.waitFor(() => expect(heard.onEnd).toHaveBeenCalledTimes(1));
  expect(heard.frames).toEqual([
    [Uint8Array.of(1)],
    [Uint8Array.of(2), Uint8Array.of(3, 4)],
    [Uint8Array.of(5)],
  ]);
  expect(told.onLeft).toHaveBeenCalledTimes(3);
  expect(told.sendByHost).not.toHaveBeenCalled();
  expect(told.onBroken).not.toHaveBeenCalled();
  expect(heard.onBroken).not.toHaveBeenCalled();
});

test("a second part is moved where it has its memory to itself, and copied where it shares it", async () => {
  const { sender, out, heard } = linked();
  await sender.takeWay({ here: out });
  const own = Uint16Array.of(1, 2, 3);
  sender.send([Uint8Array.of(1), Buffer.from(own.buffer)]);
  expect(own.buffer.byteLength).toBe(0);
  const shared = Uint8Array.of(9, 4, 5, 9);
  sender.send([Uint8Array.of(2), shared.subarray(1, 3)]);
  expect(shared).toEqual(Uint8Array.of(9, 4, 5, 9));
  await vi.waitFor(() => expect(heard.frames).toHaveLength(2));
  expect(heard.frames.map(([, tail]) => tail && [...tail])).toEqual([
    [1, 0, 2, 0, 3, 0],
    [4, 5],
  ]);
  for (const [, tail] of heard.frames) expect(tail?.buffer.byteLength).toBe(tail?.byteLength);
});

test("frames beyond those that there is room for leave when others have been taken", async () => {
  const { sender, out, told, listener } = linked();
  await sender.takeWay({ here: out });
  for (let count = 0; count < maxFramesOnPort + 2; count++) sender.send([Uint8Array.of(count)]);
  expect(told.onLeft).toHaveBeenCalledTimes(maxFramesOnPort);
  listener.resume();
  await vi.waitFor(() => expect(told.onLeft).toHaveBeenCalledTimes(maxFramesOnPort + 1));
  listener.resume();
  await vi.waitFor(() => expect(told.onLeft).toHaveBeenCalledTimes(maxFramesOnPort + 2));
  listener.resume();
  sender.send([Uint8Array.of(1)]);
  expect(told.onLeft).toHaveBeenCalledTimes(maxFramesOnPort + 3);
});

test("a receiver that goes is told once, with who was lost", async () => {
  const { sender, out, told, listener, heard } = linked();
  await sender.takeWay({ here: out });
  listener.close();
  await vi.waitFor(() => expect(told.onBroken).toHaveBeenCalled());
  sender.send([Uint8Array.of(1)]);
  expect(told.onBroken.mock.calls).toEqual([
    [
      expect.objectContaining({
        code: "UNAVAILABLE",
        message: expect.stringMatching(/the next stage at next:1: /),
      }),
    ],
  ]);
  expect(heard.onBroken).not.toHaveBeenCalled();
});

test("a sender that goes without having ended is told, what it sent before is not lost", async () => {
  const { sender, out, told, heard } = linked();
  await sender.takeWay({ here: out });
  sender.send([Uint8Array.of(1)]);
  sender.close();
  await vi.waitFor(() => expect(heard.onBroken).toHaveBeenCalled());
  expect(heard.onBroken.mock.calls).toEqual([
    [
      expect.objectContaining({
        code: "UNAVAILABLE",
        message: expect.stringMatching(/link into it broke off/),
      }),
    ],
  ]);
  expect(heard.frames).toHaveLength(1);
  expect(told.onBroken).not.toHaveBeenCalled();
});

test("a way that is known too late is closed", async () => {
  const { sender, out, heard } = linked();
  sender.send([Uint8Array.of(1)]);
  sender.close();
  await sender.takeWay({ here: out });
  await vi.waitFor(() => expect(heard.onBroken).toHaveBeenCalledTimes(1));
  expect(heard.frames).toEqual([]);
});
