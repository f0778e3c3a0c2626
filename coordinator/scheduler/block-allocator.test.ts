import { expect, test } from "vitest";
import { BlockAllocator } from "./block-allocator.js";

test("gives every block once, then none", () => {
  const blocks = new BlockAllocator(3);
  expect([blocks.take(), blocks.take(), blocks.take(), blocks.take()]).toEqual([0, 1, 2, undefined]);
  expect(blocks).toMatchObject({ total: 3, freeCount: 0, usedCount: 3 });
});

test("gives the block freed last first", () => {
  const blocks = new BlockAllocator(4);
  for (let taken = 0; taken < 4; taken++) blocks.take();
  blocks.release(1);
  blocks.release(3);
  expect([blocks.take(), blocks.take()]).toEqual([3, 1]);
});

test("keeps a shared block until its last holder lets go", () => {
  const blocks = new BlockAllocator(1);
  const id = blocks.take() ?? -1;
  blocks.share(id);
  blocks.release(id);
  expect(blocks.take()).toBeUndefined();
  blocks.release(id);
  expect(blocks.take()).toBe(id);
});

test("refuses to free or share what is not in use", () => {
  const blocks = new BlockAllocator(2);
  expect(() => blocks.release(0)).toThrow("KV block 0 of 2 is not in use");
  expect(() => blocks.share(7)).toThrow("KV block 7 of 2 is not in use");
  const id = blocks.take() ?? -1;
  blocks.release(id);
  expect(() => blocks.release(id)).toThrow("not in use");
  expect(blocks.freeCount).toBe(2);
});
