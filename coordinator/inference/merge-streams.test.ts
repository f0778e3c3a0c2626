import { describe, expect, it } from "vitest";
import { mergeStreams } from "./merge-streams.js";

async function* values(...list: number[]): AsyncGenerator<number> {
  for (const value of list) yield value;
}

async function collect(stream: AsyncIterable<number>): Promise<number[]> {
  const all: number[] = [];
  for await (const value of stream) all.push(value);
  return all;
}

describe("mergeStreams", () => {
  it("gives every value of every source, each source's in order", async () => {
    let aborts = 0;
    const merged = await collect(
      mergeStreams([values(1, 2, 3), values(10), values(), values(20, 21)], () => aborts++),
    );
    expect(merged.toSorted((a, b) => a - b)).toEqual([1, 2, 3, 10, 20, 21]);
    expect(merged.filter((value) => value < 10)).toEqual([1, 2, 3]);
    expect(aborts).toBe(0);
  });

  it("asks a source for its next value only when the last was taken", async () => {
    let asked = 0;
    async function* counted(): AsyncGenerator<number> {
      for (;;) yield ++asked;
    }
    const merged = mergeStreams([counted()], () => {});
    await merged.next();
    await new Promise(setImmediate);
    expect(asked).toBe(1);
    await merged.return(undefined);
  });

  it("throws the first error after ending the others", async () => {
    const controller = new AbortController();
    let ended = false;
    async function* waiting(): AsyncGenerator<number> {
      try {
        await new Promise((_resolve, reject) => {
          controller.signal.addEventListener("abort", () => reject(controller.signal.reason));
        });
      } finally {
        ended = true;
      }
    }
    // biome-ignore lint/correctness/useYield: fails before its first value
    async function* failing(): AsyncGenerator<number> {
      throw new Error("first");
    }
    const merged = mergeStreams([waiting(), failing()], () => controller.abort());
    await expect(collect(merged)).rejects.toThrow("first");
    expect(ended).toBe(true);
  });
});
