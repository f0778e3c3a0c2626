import { expect, test } from "vitest";
import { AsyncQueue } from "./async-queue.js";

test("values arrive in order, those before the reader came and those after", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  const seen: number[] = [];
  const reading = (async () => {
    for await (const value of queue) seen.push(value);
  })();
  await Promise.resolve();
  queue.push(2);
  queue.end();
  queue.push(9);
  await reading;
  expect(seen).toEqual([1, 2]);
});

test("a failure comes after the values that were there, and only the first end counts", async () => {
  const queue = new AsyncQueue<number>();
  queue.push(1);
  queue.fail(new Error("stage 1 died"));
  queue.fail(new Error("second"));
  queue.end();
  const seen: number[] = [];
  await expect(
    (async () => {
      for await (const value of queue) seen.push(value);
    })(),
  ).rejects.toThrow("stage 1 died");
  expect(seen).toEqual([1]);
});

test("a reader that stops early is reported once, one that reads to the end never", async () => {
  let abandoned = 0;
  const left = new AsyncQueue<number>(() => abandoned++);
  left.push(1);
  left.push(2);
  for await (const _ of left) break;
  expect(abandoned).toBe(1);
  const read = new AsyncQueue<number>(() => abandoned++);
  read.push(1);
  read.end();
  for await (const _ of read);
  expect(abandoned).toBe(1);
});
