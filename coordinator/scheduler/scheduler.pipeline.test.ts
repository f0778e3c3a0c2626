import { expect, test } from "vitest";
import { VirtualPipeline } from "../../test/fixtures/virtual-pipeline.js";
import { Scheduler } from "./scheduler.js";
import type { SchedulerOptions } from "./types.js";

/** About SmolLM2 in int8 on one thread. */
const times = { fixedMs: 4, rowMs: 1.8, promptTokenMs: 0.9 };

function pipelineOf(stageCount: number, options: Partial<SchedulerOptions> = {}) {
  const scheduler = new Scheduler({
    laneCount: stageCount,
    blockSize: 16,
    blockCount: 8_000,
    maxSequences: 32,
    tokenBudget: 512,
    maxContext: 4_096,
    maxWaiting: 100,
    ...options,
  });
  const pipeline = new VirtualPipeline(scheduler, times, new Array(stageCount).fill(1 / stageCount));
  let prompts = 0;
  const add = (requestId: string, promptTokens: number, maxTokens: number): void => {
    const first = 1000 * prompts++;
    const promptIds = Uint32Array.from({ length: promptTokens }, (_, index) => first + index);
    scheduler.add({ requestId, promptIds, sampling: {}, maxTokens, stopTokenIds: new Set() });
  };
  return { scheduler, pipeline, add };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] as number;
}

function gapsOf(pipeline: VirtualPipeline, requestIds: readonly string[], fromMs = 0): number[] {
  return requestIds.flatMap((id) => {
    const at = pipeline.tokensAt.get(id) ?? [];
    return at.slice(1).flatMap((ms, index) => (ms > fromMs ? [ms - (at[index] as number)] : []));
  });
}

test("a long prompt alone passes two stages 1.6 times as fast as one", () => {
  const [one, two] = [1, 2].map((stages) => {
    const { pipeline, add } = pipelineOf(stages);
    add("long", 1_024, 1);
    pipeline.run();
    return pipeline.nowMs;
  }) as [number, number];
  expect(one / two).toBeGreaterThan(1.6);
});

test.each([2, 3, 5])("prompts that come together keep %d stages busy from the start", (stages) => {
  const { pipeline, add } = pipelineOf(stages);
  for (let id = 0; id < 16; id++) add(`${id}`, 128, 1);
  pipeline.run();
  for (const busyMs of pipeline.busyMs)
    expect(busyMs / pipeline.nowMs).toBeGreaterThan(stages > 2 ? 0.75 : 0.9);
});

test.each([2, 4])("%d stages make at saturation what they can together", (stages) => {
  const { pipeline, add, scheduler } = pipelineOf(stages);
  for (let id = 0; id < 32; id++) add(`${id}`, 64, 1_000);
  pipeline.run(() => scheduler.snapshot().waiting === 0 && pipeline.nowMs > 3_000);
  const [from, busyBefore] = [pipeline.nowMs, [...pipeline.busyMs]];
  pipeline.run(() => pipeline.nowMs > from + 5_000);
  for (const [stage, busyMs] of pipeline.busyMs.entries()) {
    expect((busyMs - (busyBefore[stage] as number)) / (pipeline.nowMs - from)).toBeGreaterThan(0.95);
  }
});

test.each([1, 2, 3])("tokens keep coming in %d stages while long prompts are read", (stages) => {
  const { pipeline, add } = pipelineOf(stages);
  const running = Array.from({ length: 8 }, (_, id) => `${id}`);
  for (const id of running) add(id, 64, 2_000);
  pipeline.run(() => pipeline.nowMs > 4_000);
  const without = quantile(gapsOf(pipeline, running, 2_000), 0.5);
  const fromMs = pipeline.nowMs;
  for (let prompt = 0; prompt < 8; prompt++) {
    add(`long ${prompt}`, 1_000, 8);
    const dueMs = pipeline.nowMs + 4_000;
    pipeline.run(() => pipeline.nowMs > dueMs);
  }
  const gaps = gapsOf(pipeline, running, fromMs);
  expect(quantile(gaps, 0.99) / without).toBeLessThan(2);
  // Nor do the prompts starve.
  for (let prompt = 0; prompt < 7; prompt++) {
    expect(pipeline.tokensAt.get(`long ${prompt}`)).toHaveLength(8);
  }
});

test("a target between tokens is kept, and used", () => {
  const { pipeline, add } = pipelineOf(2, { targetItlMs: 60 });
  const running = Array.from({ length: 8 }, (_, id) => `${id}`);
  for (const id of running) add(id, 64, 3_000);
  pipeline.run(() => pipeline.nowMs > 4_000);
  const fromMs = pipeline.nowMs;
  for (let prompt = 0; prompt < 6; prompt++) add(`long ${prompt}`, 1_000, 8);
  pipeline.run(() => pipeline.tokensAt.has("long 5"));
  const gaps = gapsOf(pipeline, running, fromMs);
  expect(quantile(gaps, 0.9)).toBeLessThan(66);
  expect(quantile(gaps, 0.5)).toBeGreaterThan(40);
});

test.each([
  [2, 2],
  [2, 6],
  [2, 8],
  [3, 6],
])(
  "%d stages that are sent steps ahead lose nothing by who comes when, with %d at once",
  (stages, atOnce) => {
    const timeOf = (sendAheadBelowMs: number): number => {
      const { pipeline, add } = pipelineOf(stages, { sendAheadBelowMs });
      const ended = () => [...pipeline.tokensAt.values()].filter(({ length }) => length === 96).length;
      for (let id = 0; id < 3 * atOnce; id++) {
        add(`${id}`, 128, 96);
        if (id >= atOnce - 1) pipeline.run(() => ended() > id - atOnce);
      }
      pipeline.run();
      return pipeline.nowMs;
    };
    expect(timeOf(Number.POSITIVE_INFINITY)).toBeLessThan(1.03 * timeOf(0));
  },
);
