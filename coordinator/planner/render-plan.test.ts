import { expect, test } from "vitest";
import { joinPlans } from "./plan-replicas.js";
import { planToJson, renderPlan } from "./render-plan.js";
import type { Plan } from "./types.js";

const plan: Plan = {
  stages: [
    {
      workerId: "w0",
      firstLayer: 0,
      endLayer: 17,
      decodeMs: 9.12345,
      prefillMs: 71,
      weightBytes: 64 * 2 ** 20,
      kvBytes: 2 ** 30,
      hopMs: 0.25,
    },
    {
      workerId: "w1",
      firstLayer: 17,
      endLayer: 17,
      decodeMs: 8.9,
      prefillMs: 48.7,
      weightBytes: 52 * 2 ** 20,
      weights: "packed",
      kvBytes: 0,
      hopMs: 0.15,
    },
  ],
  laneCount: 2,
  bottleneck: "stage 0 on worker w0: 9.12 ms a micro-batch of 8 rows",
  decodeTokensPerSecond: 861.2345,
  prefillTokensPerSecond: 1801,
  singleTokensPerSecond: 89.18,
  predictions: [
    { concurrency: 1, decodeTokensPerSecond: 89.18 },
    { concurrency: 16, decodeTokensPerSecond: 861.2345 },
  ],
  leftOut: [{ workerId: "slow", reason: "decoding would fall from 861 to 677 tok/s with it" }],
  remarks: ["replicas would be faster"],
};

test("shows stages, figures, what is left out and remarks", () => {
  const lines = renderPlan(plan, { model: "smollm2", variant: "as-is", concurrency: 16 }).split("\n");
  expect(lines[0]).toBe("Plan for smollm2 (as-is)");
  const rows = lines
    .filter((line) => line.startsWith("│"))
    .map((line) => line.split("│").map((cell) => cell.trim()));
  expect(rows.map((cells) => cells.slice(1, -1))).toEqual([
    ["stage", "worker", "layers", "decode ms", "prefill ms", "hop ms", "weights", "KV"],
    ["0", "w0", "embedding, 0-16", "9.12", "71.00", "0.25", "64.0 MiB", "1.0 GiB"],
    ["1", "w1", "head", "8.90", "48.70", "0.15", "52.0 MiB packed", "0 B"],
  ]);
  expect(lines.slice(-8)).toEqual([
    "Bottleneck: stage 0 on worker w0: 9.12 ms a micro-batch of 8 rows",
    "Predicted:  861 tok/s decoding 16 sequences in 2 lanes",
    "Predicted:  1801 tok/s prefill",
    "Predicted:  89.2 tok/s one request alone",
    "Left out:   slow: decoding would fall from 861 to 677 tok/s with it",
    "Note:       replicas would be faster",
    "Decoding:   1 at once 89.2 tok/s predicted",
    "Decoding:   16 at once 861 tok/s predicted",
  ]);
});

test("puts what was achieved beside what was predicted", () => {
  const lines = renderPlan(plan, { achieved: [{ concurrency: 16, tokensPerSecond: 430.6 }] }).split("\n");
  expect(lines.slice(-2)).toEqual([
    "Decoding:   1 at once 89.2 tok/s predicted",
    "Decoding:   16 at once 861 tok/s predicted, achieved 431 tok/s (50 %)",
  ]);
});

test("shows each replica, then what they reach together", () => {
  const text = renderPlan(joinPlans([plan, plan]), { model: "smollm2" });
  expect(text.match(/^(Plan for|Replica|Together).*/gm)).toEqual([
    "Plan for smollm2",
    "Replica 0",
    "Replica 1",
    "Together",
  ]);
  expect(text.split("\n").slice(-3)).toEqual([
    "Predicted:  1722 tok/s decoding, 3602 tok/s prefill",
    "Decoding:   1 at once 89.2 tok/s predicted",
    // Eight each, on the line from one to sixteen.
    "Decoding:   16 at once 899 tok/s predicted",
  ]);
});

test("gives scripts the same names with rounded numbers", () => {
  const json = planToJson(plan);
  expect(Object.keys(json)).toEqual(Object.keys(plan));
  expect(json.stages[0]?.decodeMs).toBe(9.123);
  expect(json.decodeTokensPerSecond).toBe(861.235);
  expect(json.predictions[1]).toEqual({ concurrency: 16, decodeTokensPerSecond: 861.235 });
  expect(json.leftOut).toEqual(plan.leftOut);
});
