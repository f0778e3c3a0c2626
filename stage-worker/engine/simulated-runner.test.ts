import { expect, test } from "vitest";
import { batchOf, opening, openingOn, runnerOptions } from "../../test/fixtures/stage-fixtures.js";
import { isDeviceLost } from "./device-failure.js";
import {
  batchTimeMs,
  createSimulatedRunner,
  instantSimulation,
  type SimulationOptions,
  simulatedToken,
} from "./simulated-runner.js";
import type { StageRunner } from "./stage-runner.js";

const slow: SimulationOptions = {
  layerDecode: { alphaMs: 1, betaMs: 0.5 },
  layerPrefill: { alphaMs: 10, betaMs: 0.1 },
  embedding: { alphaMs: 100, betaMs: 1 },
  head: { alphaMs: 1000, betaMs: 2 },
};

async function generate(runner: StageRunner, sequenceId: number, promptLength: number, count: number) {
  const tokenIds: number[] = [];
  let context = 0;
  for (let length = promptLength; tokenIds.length < count; length = 1) {
    const batch = batchOf([{ id: sequenceId, context, length, blocks: context === 0 ? [sequenceId] : [] }]);
    const output = await runner.forward(batch, { kind: "tokens", tokenIds: new Uint32Array(length) });
    if (output.kind !== "tokens") throw new Error("no head");
    tokenIds.push(...output.tokens.map(({ tokenId }) => tokenId));
    context += length;
  }
  return tokenIds;
}

test("the text depends on seed and position alone", async () => {
  const first = createSimulatedRunner(runnerOptions(), instantSimulation);
  first.open([opening(1, 4), opening(2, 4, { seed: 2 })]);
  const text = await generate(first, 1, 4, 6);
  expect(await generate(first, 2, 4, 6)).not.toEqual(text);
  const replay = createSimulatedRunner(runnerOptions(), instantSimulation);
  replay.open([opening(1, 4)]);
  expect(await generate(replay, 1, 7, 3)).toEqual(text.slice(3));
});

test("no id below ten is sampled by chance, and all others are", () => {
  const seen = new Set(Array.from({ length: 2_000 }, (_, position) => simulatedToken(7, position, 30)));
  expect([...seen].sort((left, right) => left - right)).toEqual(Array.from({ length: 20 }, (_, i) => i + 10));
  expect(simulatedToken(7, 1, 2)).toBeLessThan(2);
});

test("a text ends where the simulation says", async () => {
  const runner = createSimulatedRunner(runnerOptions(), {
    ...instantSimulation,
    endAtLength: 3,
    endTokenId: 5,
  });
  runner.open([opening(1, 4)]);
  const text = await generate(runner, 1, 4, 5);
  expect(text.map((tokenId) => tokenId === 5)).toEqual([false, false, false, true, true]);
});

test("log-probabilities come to those who want them", async () => {
  const runner = createSimulatedRunner(runnerOptions(), instantSimulation);
  runner.open([opening(1, 1, { wantLogprobs: true, topLogprobs: 2 }), opening(2, 1)]);
  const batch = batchOf([
    { id: 1, blocks: [0] },
    { id: 2, blocks: [1] },
  ]);
  const output = await runner.forward(batch, { kind: "tokens", tokenIds: new Uint32Array(2) });
  expect(output.kind === "tokens" && output.tokens).toMatchObject([
    { sequenceId: 1, logprob: -1, top: [{ logprob: -1 }, { logprob: -2 }] },
    { sequenceId: 2 },
  ]);
  expect(output.kind === "tokens" && output.tokens[1]).not.toHaveProperty("logprob");
});

test("a stage without head gives hidden states of its tokens", async () => {
  const runner = createSimulatedRunner(runnerOptions({ embedding: false, head: false }), instantSimulation);
  runner.open([opening(1)]);
  const batch = batchOf([{ id: 1, length: 3, blocks: [0] }]);
  const output = await runner.forward(batch, {
    kind: "hidden",
    dtype: "FLOAT32",
    data: new Float32Array(3 * 64),
  });
  expect(output.kind === "hidden" && output.data.length).toBe(3 * 64);
});

test("input of the wrong kind or size is refused", async () => {
  const runner = createSimulatedRunner(runnerOptions(), instantSimulation);
  runner.open([opening(1)]);
  const batch = batchOf([{ id: 1, length: 3, blocks: [0] }]);
  const forward = (input: Parameters<StageRunner["forward"]>[1]) => runner.forward(batch, input);
  await expect(forward({ kind: "hidden", dtype: "FLOAT32", data: new Float32Array(192) })).rejects.toThrow(
    /takes tokens/,
  );
  await expect(forward({ kind: "tokens", tokenIds: new Uint32Array(2) })).rejects.toThrow(
    /2 tokens values, not 3/,
  );
  await expect(forward({ kind: "tokens", tokenIds: Uint32Array.of(1, 1000, 2) })).rejects.toThrow(
    /token 1000/,
  );
  expect(runner.usage().blocksUsed).toBe(0);
});

test("times add up by layers, rows and parts", () => {
  const batch = batchOf([{ id: 1 }, { id: 2 }, { id: 3, length: 30, sample: false }]);
  const time = (layers: number, embedding: boolean, head: boolean) =>
    batchTimeMs(batch, { layers, embedding, head }, slow);
  expect(time(3, false, false)).toBeCloseTo(3 * (1 + 2 * 0.5) + 3 * (10 + 30 * 0.1));
  expect(time(0, true, false)).toBe(132);
  expect(time(0, false, true)).toBe(1004);
});

test("without a number it holds blocks for every sequence at its longest", () => {
  const options = runnerOptions({ blockCount: 0, maxSequences: 3, maxContext: 33 });
  expect(createSimulatedRunner(options, instantSimulation).blockCount).toBe(9);
});

test("what memory does not hold is computed in parts, and refused where it holds none", async () => {
  const options = runnerOptions({ head: false });
  const runner = createSimulatedRunner(options, { ...instantSimulation, mostScores: 20 });
  runner.open([opening(1), opening(2)]);
  const batch = batchOf([
    { id: 1, length: 8, blocks: [0] },
    { id: 2, length: 24, blocks: [1, 2] },
  ]);
  const output = await runner.forward(batch, { kind: "tokens", tokenIds: new Uint32Array(32) });
  expect(output).toMatchObject({ kind: "hidden", data: { length: 8 * 64 }, failed: { sequenceIds: [2] } });
  expect(() => runner.open([openingOn(3, 16, [1])])).toThrow(/block 1 has KV of 0 tokens/);
  runner.open([openingOn(3, 8, [0])]);
});

test("a device is lost at the run that the simulation says", async () => {
  const runner = createSimulatedRunner(runnerOptions(), { ...instantSimulation, lostAtRun: 3 });
  runner.open([opening(1, 4)]);
  const reason = await generate(runner, 1, 4, 5).catch((error: unknown) => error);
  expect(isDeviceLost(reason)).toBe(true);
  expect(runner.usage().sequences).toBe(1);
});
