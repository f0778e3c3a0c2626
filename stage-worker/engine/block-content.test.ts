import { expect, test } from "vitest";
import { checkContent, contentBytes, newContent } from "./block-content.js";

const shape = { layers: 3, kvHeads: 2, headSize: 64 };
const refused = (message: RegExp) =>
  expect.objectContaining({ code: "INVALID_ARGUMENT", message: expect.stringMatching(message) });

test("content has keys and values of each layer", () => {
  const content = newContent(shape, 32, 1e9);
  expect(content.parts.map(({ length }) => length)).toEqual(new Array(6).fill(32 * 128));
  expect(contentBytes(shape, 32)).toBe(content.parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
  checkContent(content, shape, 32);
});

test("more than there is memory for is refused before it is taken", () => {
  expect(() => newContent(shape, 2 ** 40, 4 * 2 ** 30)).toThrow(
    expect.objectContaining({
      code: "RESOURCE_EXHAUSTED",
      message: expect.stringMatching(/1099511627776 tokens takes .*, and 4.* are free: export fewer blocks/),
    }),
  );
});

test("content of another size is refused by what is wrong", () => {
  const { tokens, parts } = newContent(shape, 32, 1e9);
  const check = (content: { tokens?: number; parts?: Uint16Array[] }) => () =>
    checkContent({ tokens, parts, ...content }, shape, 32);
  expect(check({ tokens: 31 })).toThrow(refused(/it is of 31 tokens, the blocks hold 32/));
  expect(check({ parts: parts.slice(2) })).toThrow(refused(/of 2 layers, the stage has 3/));
  expect(check({ parts: [] })).toThrow(refused(/of 0 layers/));
  for (const length of [0, 32 * 128 - 1, 32 * 128 + 1]) {
    const wrong = parts.with(3, new Uint16Array(length));
    expect(check({ parts: wrong })).toThrow(
      refused(new RegExp(`values of layer 1 of the stage have ${length} numbers, 4096 are needed`)),
    );
  }
});
