import { expect, test } from "vitest";
import type { LoadRunner } from "./load-runner.js";
import { takeTurns } from "./take-turns.js";
import { makeWorkload } from "./workload.js";

test("runners take turns with the same requests, after a warm-up that does not count", async () => {
  const heard: string[] = [];
  const runner = (name: string): LoadRunner => ({
    name,
    run: async ({ workload }) => {
      heard.push(`${name} ${workload.length} ${workload[0]?.promptIds.join()}`);
      return workload.map(({ promptIds, outputTokens }) => ({
        startMs: 0,
        promptTokens: promptIds.length,
        tokensMs: Array.from({ length: outputTokens }, (_, index) => index + 1),
      }));
    },
  });
  const workloadOf = (seed: number) =>
    makeWorkload({ requests: 3, promptTokens: 2, outputTokens: 4, vocabularySize: 5000, seed });
  const columns = await takeTurns([runner("a"), runner("b")], {
    rounds: 2,
    warmUp: 1,
    runOf: (round) => ({ workload: workloadOf(round), concurrency: 3 }),
    onProgress: () => undefined,
  });
  expect(heard.map((line) => line.split(" ").slice(0, 2).join(" "))).toEqual(
    ["a 1", "a 3", "b 1", "b 3"].concat(["a 1", "a 3", "b 1", "b 3"]),
  );
  const ids = heard.map((line) => line.split(" ")[2]);
  expect(ids[1]).toBe(ids[3]);
  expect(ids[1]).not.toBe(ids[5]);
  expect(ids[0]).not.toBe(ids[1]);
  expect(columns.map(({ name, rounds }) => [name, rounds.length, rounds[0]?.requests])).toEqual([
    ["a", 2, 3],
    ["b", 2, 3],
  ]);
});
