import { describe, expect, test } from "vitest";
import { modelOf, planRequest, workerOf } from "../../test/fixtures/plan-requests.js";
import { makePlan } from "./plan.js";
import { planGroups } from "./plan-replicas.js";
import type { Plan, PlanRequest, WorkerProfile } from "./types.js";

/** Flat while it waits for its memory, then rising: what a layer of a large GPU takes. */
const curve = (flatMs: number, risingFrom: number) =>
  [1, 16, 64, 128, 256].map((rows) => ({ rows, ms: flatMs * Math.max(1, rows / risingFrom) }));

function gpu(workerId: string, deviceId: string, more: Partial<WorkerProfile> = {}): WorkerProfile {
  const time = (flatMs: number, risingFrom: number) => ({
    alphaMs: flatMs,
    betaMs: flatMs / risingFrom,
    points: curve(flatMs, risingFrom),
  });
  return workerOf(workerId, 1, {
    device: "cuda:0",
    deviceId,
    layerDecode: time(0.2, 128),
    layerPrefill: time(0.2, 128),
    head: time(0.8, 128),
    ...more,
  });
}

const model = modelOf(16);
const request = (workers: readonly WorkerProfile[], more: Partial<PlanRequest> = {}) =>
  planRequest({ model, workers, concurrency: 128, ...more });
const layersOf = ({ stages }: Plan) =>
  Object.fromEntries(stages.map(({ workerId, firstLayer, endLayer }) => [workerId, endLayer - firstLayer]));

describe("two workers on one GPU", () => {
  const workers = [gpu("a", "GPU-1"), gpu("b", "GPU-1")];

  test("have nothing to gain from a cut, and the plan says why", () => {
    const plan = makePlan(request(workers));
    expect(layersOf(plan)).toEqual({ a: 16 });
    expect(plan.leftOut).toEqual([
      {
        workerId: "b",
        reason: "it computes on the GPU of a, where stages take turns: a cut would bring nothing",
      },
    ]);
    expect(plan.remarks).toEqual([]);
  });

  test("get an even cut where two stages are asked for, head and all, and no gain is predicted", () => {
    const plan = makePlan(request(workers, { stages: 2 }));
    expect(layersOf(plan)).toEqual({ a: 10, b: 6 });
    expect(plan.stages.map(({ decodeMs }) => decodeMs)).toEqual([expect.closeTo(2), expect.closeTo(2)]);
    expect(plan.decodeTokensPerSecond).toBeCloseTo(32_000);
    expect(plan.bottleneck).toBe("the GPU of worker a and worker b: 4.00 ms a micro-batch of 128 rows");
    expect(plan.remarks).toEqual([
      "stages on one GPU take turns (a + b): what they take adds up; with one stage a GPU (--stages 1) it would be " +
        "about 32000 tok/s with 128 sequences, this plan makes 32000",
    ]);
  });

  test("share a lane where larger micro-batches pay, and have one each where they do not", () => {
    expect(makePlan(request(workers, { stages: 2 })).laneCount).toBe(1);
    // Where times rise with every row, hops are hidden by a second lane.
    const rising = workers.map((worker) => ({
      ...worker,
      ...workerOf(worker.workerId, 0.01),
      deviceId: "GPU-1",
    }));
    const links = ["", "a", "b"].flatMap((from) =>
      ["", "a", "b"].map((to) => ({ from, to, roundTripMs: 2, bytesPerSecond: 1e12 })),
    );
    expect(makePlan(request(rising, { stages: 2, links })).laneCount).toBeGreaterThan(1);
  });

  test("are no two replicas", () => {
    const alone = makePlan(request([gpu("a", "GPU-1"), gpu("b", "GPU-2")], { stages: 1, concurrency: 512 }));
    expect(alone.remarks.join()).toContain("replicas would be faster");
    expect(makePlan(request(workers, { stages: 1, concurrency: 512 })).remarks).toEqual([]);
    const four = ["a", "b", "c", "d"].map((name, at) => gpu(name, at < 2 ? "GPU-1" : "GPU-2"));
    for (const group of planGroups(request(four), 2)) expect(["a,b", "c,d"]).toContain(group.join());
  });
});

test("two GPUs share the layers, a third stage on one of them gains nothing", () => {
  const workers = [gpu("a", "GPU-1"), gpu("b", "GPU-1"), gpu("c", "GPU-2")];
  const plan = makePlan(request(workers, { concurrency: 512 }));
  expect(plan.stages).toHaveLength(2);
  expect(Object.values(layersOf(plan)).sort((a, b) => a - b)).toEqual([6, 10]);
  expect(plan.stages.map(({ workerId }) => workerId)).toContain("c");
});

test("three stages on two GPUs are as even as two: both of one take what the other takes alone", () => {
  const even = { head: { alphaMs: 0, betaMs: 0 } };
  const workers = [gpu("a", "GPU-1", even), gpu("b", "GPU-1", even), gpu("c", "GPU-2", even)];
  const { a = 0, b = 0, c = 0 } = layersOf(makePlan(request(workers, { stages: 3 })));
  expect([a + b, c]).toEqual([8, 8]);
});

describe("a GPU beside a CPU", () => {
  test("of which one is twenty times as fast has twenty times the layers", () => {
    const workers = [workerOf("cpu", 0.2), workerOf("gpu", 0.01, { deviceId: "GPU-1" })];
    const plan = makePlan(planRequest({ model: modelOf(42), workers, concurrency: 16 }));
    expect(layersOf(plan)).toEqual({ cpu: 2, gpu: 40 });
  });

  test("or all of them where hops cost more than the CPU brings", () => {
    const workers = [workerOf("cpu", 0.2), workerOf("gpu", 0.01, { deviceId: "GPU-1" })];
    const links = [{ from: "cpu", to: "gpu", roundTripMs: 10, bytesPerSecond: 1e9 }];
    expect(layersOf(makePlan(planRequest({ model: modelOf(16), workers, links })))).toEqual({ gpu: 16 });
  });

  test("copies in and out are counted by the side", () => {
    const stage = { alphaMs: 0.5, betaMs: 0.02 };
    const workers = ["a", "b", "c"].map((name) => workerOf(name, 1, { stage }));
    const plan = makePlan(planRequest({ model: modelOf(3), workers, stages: 3, concurrency: 30 }));
    const copies = plan.stages.map(({ decodeMs }) => decodeMs - 10 - 0.5);
    expect(copies).toEqual([expect.closeTo(0.1), expect.closeTo(0.2), expect.closeTo(0.1)]);
  });
});

describe("prompts", () => {
  // Equal at decoding; of prompts b reads a fifth.
  const workers = [
    workerOf("a", 1, { layerPrefill: { alphaMs: 0, betaMs: 0.2 } }),
    workerOf("b", 1, { layerPrefill: { alphaMs: 0, betaMs: 1 } }),
  ];
  const mixed = planRequest({ model: modelOf(16), workers, promptTokensPerToken: 1 });

  test("move layers to who reads them faster, in the measure that they come", () => {
    expect(layersOf(makePlan(planRequest({ model: modelOf(16), workers })))).toEqual({ a: 8, b: 8 });
    expect(layersOf(makePlan(mixed))).toEqual({ a: 10, b: 6 });
    expect(layersOf(makePlan({ ...mixed, promptTokensPerToken: 8 }))["a"]).toBeGreaterThan(11);
  });

  test("are in the bottleneck, and not in what decoding alone is predicted to reach", () => {
    const plan = makePlan(mixed);
    expect(plan.bottleneck).toContain("72.0 ms a micro-batch of 6 rows with 6 tokens of prompts");
    expect(plan.decodeTokensPerSecond).toBeCloseTo(6000 / 60);
    expect(plan.predictions.at(-1)?.decodeTokensPerSecond).toBeCloseTo(6000 / 60);
  });

  test("of a GPU take what the largest chunk shows, not what it takes to read the weights", () => {
    const points = [32, 128, 2048].map((rows) => ({ rows, ms: Math.max(1, rows / 512) }));
    const layerPrefill = { alphaMs: 1, betaMs: 0, points };
    const both = ["a", "b"].map((name) =>
      workerOf(name, 0, { layerPrefill, stage: { alphaMs: 1, betaMs: 0 } }),
    );
    const plan = makePlan(
      planRequest({ model: modelOf(2), workers: both, promptTokensPerToken: 1, stages: 2 }),
    );
    expect(plan.bottleneck).toContain(`${(1 + (6 * 3) / 2016).toFixed(2)} ms`);
  });

  test("are predicted in chunks of the size that is asked for", () => {
    const { stages, prefillTokensPerSecond } = makePlan({ ...mixed, chunkTokens: 512 });
    expect(stages[0]?.prefillMs).toBeCloseTo(10 * 512 * 0.2);
    expect(prefillTokensPerSecond).toBeCloseTo((512 / (6 * 512)) * 1000);
  });
});

test("weights count as the device holds them", () => {
  const gibibyte = 2 ** 30;
  const large = modelOf(10, { layerBytes: Array.from({ length: 10 }, () => gibibyte), headBytes: gibibyte });
  const layerBytes = Array.from({ length: 10 }, () => 2 * gibibyte);
  const form = { name: "f32", embeddingBytes: 0, layerBytes, headBytes: 3 * gibibyte, kvTokens: 0 };
  const cpu = { weights: [form], freeMemoryBytes: 10.1 * gibibyte };
  const workers = [workerOf("cpu", 1, cpu), workerOf("gpu", 1)];
  const plan = makePlan(planRequest({ model: large, workers, stages: 2 }));
  expect(plan.stages.map(({ workerId, weightBytes }) => [workerId, weightBytes / gibibyte])).toEqual([
    ["cpu", 10],
    ["gpu", 6],
  ]);
  const alone = planRequest({ model: large, workers: workers.slice(0, 1) });
  expect(() => makePlan(alone)).toThrow("weights 23.0 GiB");
});
