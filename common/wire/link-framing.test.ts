import { expect, test } from "vitest";
import { maxMessageBytes } from "../grpc-options.js";
import { framedParts, LinkReader } from "./link-framing.js";

/** A link's bytes: messages of these sizes, each filled with its number. */
function linkBytes(sizes: readonly number[]): Buffer {
  const frames = sizes.map((size, index) => {
    const bytes = new Uint8Array(size).fill(index + 1);
    return Buffer.concat(framedParts(size > 20 ? [bytes.subarray(0, 5), bytes.subarray(5)] : [bytes]));
  });
  return Buffer.concat(frames);
}

test.each([1, 3, 7, 16, 64, 10_000])("frames come back from chunks of %i bytes", (chunkBytes) => {
  const sizes = [1, 300, 2, 64, 1000, 5];
  const bytes = linkBytes(sizes);
  const reader = new LinkReader();
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    frames.push(...reader.read(bytes.subarray(at, at + chunkBytes)));
  }
  expect(reader.between).toBe(true);
  expect(frames).toEqual(sizes.map((size, index) => Buffer.alloc(size, index + 1)));
});

test("a frame within a chunk is a view of it, others have memory of exactly their size", () => {
  const bytes = linkBytes([8, 100]);
  const reader = new LinkReader();
  const [whole] = [...reader.read(bytes.subarray(0, 40))];
  expect(whole?.buffer).toBe(bytes.buffer);
  expect(reader.between).toBe(false);
  const [pieced] = [...reader.read(bytes.subarray(40))];
  expect(pieced?.buffer.byteLength).toBe(100);
});

test("a message without or beyond bounds is refused", () => {
  for (const size of [0, maxMessageBytes + 1, 2 ** 32 - 1]) {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(size);
    expect(() => [...new LinkReader().read(length)]).toThrow(
      new RegExp(`a message of ${size} bytes came over a link; it may have 1 to ${maxMessageBytes}`),
    );
  }
});
