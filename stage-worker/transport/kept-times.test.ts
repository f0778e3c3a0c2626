import { expect, test } from "vitest";
import { paperManifest } from "../../test/fixtures/stage-fixtures.js";
import { measureSchedule } from "../engine/measure-schedule.js";
import { type TimesFacts, timesKey } from "./kept-times.js";

const manifest = paperManifest();
const facts: TimesFacts = {
  manifest,
  threads: 1,
  device: "cuda",
  identity: { id: "GPU-1", facts: { driver: "580.65" } },
  runtime: "1.30.0",
  cpus: undefined,
  form: "f16",
  blockSize: 256,
  activationDtype: "FLOAT16",
  schedule: measureSchedule("cuda", manifest, { maxSequences: 32, maxBatchTokens: 512 }),
};

test("the same facts name the same times", () => {
  expect(timesKey({ ...facts })).toBe(timesKey(facts));
});

test.each<[string, Partial<TimesFacts>]>([
  ["block size", { blockSize: 128 }],
  ["form of weights", { form: "packed" }],
  ["driver", { identity: { id: "GPU-1", facts: { driver: "581.1" } } }],
  ["GPU", { identity: { id: "GPU-2", facts: { driver: "580.65" } } }],
  ["ONNX Runtime", { runtime: "1.31.0" }],
  ["form of hidden states", { activationDtype: "FLOAT32" }],
  ["rows", { schedule: measureSchedule("cuda", manifest, { maxSequences: 64, maxBatchTokens: 512 }) }],
])("another %s, other times", (_name, change) => {
  expect(timesKey({ ...facts, ...change })).not.toBe(timesKey(facts));
});
