import { expect, test } from "vitest";
import { BlockPool } from "./block-pool.js";

/** A pool with every block taken, in order. */
function takenPool(blockCount: number): BlockPool {
  const pool = new BlockPool(blockCount);
  for (let taken = 0; taken < blockCount; taken++) pool.take();
  return pool;
}

test("gives every block once, then none", () => {
  const pool = new BlockPool(3);
  expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([0, 1, 2, undefined]);
  expect(pool).toMatchObject({ total: 3, freeCount: 0, usedCount: 3, cachedCount: 0 });
});

test("gives the unknown block freed last first, then known ones by least recent use", () => {
  const pool = takenPool(5);
  pool.learn(0, "a");
  pool.learn(2, "b");
  for (const id of [0, 1, 2, 3]) pool.release(id);
  expect(pool).toMatchObject({ freeCount: 4, cachedCount: 2 });
  pool.share(0);
  pool.release(0);
  expect([pool.take(), pool.take(), pool.take()]).toEqual([3, 1, 2]);
  expect([pool.find("a"), pool.find("b")]).toEqual([0, undefined]);
  expect(pool.cachedCount).toBe(1);
  expect(pool.take()).toBe(0);
  expect([pool.find("a"), pool.take(), pool.cachedCount]).toEqual([undefined, undefined, 0]);
});

test("keeps a shared block until its last holder lets go", () => {
  const pool = takenPool(1);
  pool.share(0);
  pool.release(0);
  expect(pool.take()).toBeUndefined();
  pool.release(0);
  expect(pool.take()).toBe(0);
});

test("finds a content in use or free, the first block that has it, until it is forgotten", () => {
  const pool = takenPool(2);
  pool.learn(0, "a");
  pool.learn(1, "a");
  expect([pool.find("a"), pool.isKnown(1)]).toEqual([0, false]);
  pool.release(0);
  pool.share(0);
  expect(pool.holders(0)).toBe(1);
  pool.release(0);
  pool.forget(0);
  expect([pool.find("a"), pool.cachedCount, pool.freeCount]).toEqual([undefined, 0, 1]);
  pool.learn(1, "a");
  expect(pool.find("a")).toBe(1);
  pool.forgetAll();
  expect([pool.find("a"), pool.isKnown(1)]).toEqual([undefined, false]);
});

test("refuses to free or share what is neither in use nor known", () => {
  const pool = new BlockPool(2);
  expect(() => pool.release(0)).toThrow("KV block 0 of 2 is not in use");
  expect(() => pool.share(1)).toThrow("KV block 1 of 2 is not in use");
  expect(() => pool.share(7)).toThrow("KV block 7 of 2 is not in use");
  const id = pool.take() ?? -1;
  pool.release(id);
  expect(() => pool.release(id)).toThrow("not in use");
  expect(pool.freeCount).toBe(2);
});
