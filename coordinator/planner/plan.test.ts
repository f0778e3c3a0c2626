import { describe, expect, test } from "vitest";
import { linksAmong, modelOf, planRequest, workerOf } from "../../test/fixtures/plan-requests.js";
import { seededRandom } from "../../test/fixtures/random.js";
import { makePlan } from "./plan.js";
import type { Plan, PlanRequest, WorkerProfile } from "./types.js";

const gibibyte = 2 ** 30;

function layersOf(plan: Plan): number[] {
  return plan.stages.map((stage) => stage.endLayer - stage.firstLayer);
}

function workersOf(plan: Plan): string[] {
  return plan.stages.map((stage) => stage.workerId);
}

function workersNamed(count: number, rowMs = 1): PlanRequest["workers"] {
  return Array.from({ length: count }, (_, index) => workerOf(`w${index}`, rowMs));
}

describe("cutting", () => {
  test("gives even workers even layers", () => {
    const plan = makePlan(planRequest({ model: modelOf(12), workers: workersNamed(3) }));
    expect(layersOf(plan)).toEqual([4, 4, 4]);
    expect(workersOf(plan)).toEqual(["w0", "w1", "w2"]);
    expect(plan.laneCount).toBe(3);
    expect(plan.leftOut).toEqual([]);
    expect(plan.bottleneck).toBe("stage 0 on worker w0: 16.0 ms a micro-batch of 4 rows");
    // 4 rows a lane every 16 ms; 128 prompt tokens every 4 * 128 ms; alone, a token takes all 12 layers.
    expect(plan.decodeTokensPerSecond).toBeCloseTo((4 / 16) * 1000);
    expect(plan.prefillTokensPerSecond).toBeCloseTo(1000 / 4);
    expect(plan.singleTokensPerSecond).toBeCloseTo(1000 / 12);
  });

  test("counts the head: worth nine layers of a model of 24, it leaves the last stage two", () => {
    const head = { alphaMs: 0, betaMs: 9 };
    const workers = workersNamed(3).map((worker) => ({ ...worker, head }));
    const plan = makePlan(planRequest({ model: modelOf(24), workers }));
    expect(layersOf(plan)).toEqual([11, 11, 2]);
    // A prefill chunk of 128 tokens samples one of them.
    expect(plan.stages.map((stage) => stage.prefillMs)).toEqual([11 * 128, 11 * 128, 2 * 128 + 9]);
  });

  test("gives the last stage nothing but a head that is worth more than its share", () => {
    const head = { alphaMs: 0, betaMs: 9 };
    const workers = workersNamed(4).map((worker) => ({ ...worker, head }));
    expect(layersOf(makePlan(planRequest({ model: modelOf(24), workers, stages: 4 })))).toEqual([8, 8, 8, 0]);
  });

  test("gives a worker twice as fast twice the layers", () => {
    const workers = [workerOf("fast", 1), workerOf("slow", 2)];
    const plan = makePlan(planRequest({ model: modelOf(12), workers }));
    expect(new Map(plan.stages.map((stage, at) => [stage.workerId, layersOf(plan)[at]]))).toEqual(
      new Map([
        ["fast", 8],
        ["slow", 4],
      ]),
    );
  });

  test("counts what grows with the rows", () => {
    const layerDecode = { alphaMs: 1, betaMs: 0.5 };
    const workers = workersNamed(2).map((worker) => ({ ...worker, layerDecode }));
    const plan = makePlan(planRequest({ model: modelOf(4), workers, concurrency: 8 }));
    expect(plan.stages.map((stage) => stage.decodeMs)).toEqual([6, 6]);
    expect(plan.decodeTokensPerSecond).toBeCloseTo((4 / 6) * 1000);
  });
});

describe("memory", () => {
  const model = modelOf(10, { layerBytes: Array.from({ length: 10 }, () => gibibyte) });

  test("moves layers away from a worker that cannot hold its share", () => {
    const workers = [workerOf("big", 1), workerOf("small", 1, { freeMemoryBytes: 3.5 * gibibyte })];
    const plan = makePlan(planRequest({ model, workers, stages: 2 }));
    expect(new Map(plan.stages.map((stage, at) => [stage.workerId, layersOf(plan)[at]])).get("small")).toBe(
      3,
    );
  });

  test("counts KV, and the embedding twice where the head shares it", () => {
    const shared = { ...model, kvBytesPerTokenLayer: 2 ** 20, embeddingBytes: 5 * gibibyte, headBytes: 100 };
    const request = planRequest({ model: shared, workers: workersNamed(2), kvTokens: 512, stages: 2 });
    const untied = makePlan(request);
    expect(untied.stages.map((stage) => stage.weightBytes / gibibyte)).toEqual([10, 5 + 100 / gibibyte]);
    expect(untied.stages.map((stage) => stage.kvBytes / gibibyte)).toEqual([2.5, 2.5]);
    const tied = makePlan({ ...request, model: { ...shared, tiedEmbedding: true } });
    expect(tied.stages[1]?.weightBytes).toBe(10 * gibibyte + 100);
    const alone = makePlan({ ...request, model: { ...shared, tiedEmbedding: true }, stages: 1 });
    expect(alone.stages[0]?.weightBytes).toBe(15 * gibibyte + 100);
  });

  test("counts weights as each worker's device holds them, in the best form that leaves room", () => {
    const form = (name: string, size: number) => ({
      name,
      ...{ embeddingBytes: size, headBytes: 0, kvTokens: 1024 },
      layerBytes: Array.from({ length: 10 }, () => size * gibibyte),
    });
    const weights = [form("f16", 2), form("packed", 0.5)];
    const planOn = (freeGibibytes: number, kvTokens = 0) => {
      const gpu = workerOf("gpu", 1, {
        ...{ weights, kvBytesPerTokenLayer: 2 ** 20 },
        freeMemoryBytes: freeGibibytes * gibibyte,
      });
      return makePlan(planRequest({ model, workers: [gpu], kvTokens, stages: 1 })).stages[0];
    };
    // Twenty of weights and ten of KV.
    expect(planOn(30.1)).toMatchObject({ weights: "f16", weightBytes: 20 * gibibyte + 2 });
    expect(planOn(29.9)).toMatchObject({ weights: "packed", weightBytes: 5 * gibibyte + 0.5 });
    expect(planOn(30.1, 2048)).toMatchObject({ weights: "packed", kvBytes: 20 * gibibyte });
    expect(() => planOn(4.9)).toThrow(/does not fit/);
    const cpu = makePlan(planRequest({ model, workers: [workerOf("cpu", 1)], stages: 1 })).stages[0];
    expect(cpu).not.toHaveProperty("weights");
    expect(cpu?.weightBytes).toBe(10 * gibibyte);
  });

  test("refuses sizes of another number of layers", () => {
    const weights = [{ name: "f16", embeddingBytes: 0, headBytes: 0, kvTokens: 0, layerBytes: [1] }];
    const workers = [workerOf("gpu", 1, { weights })];
    expect(() => makePlan(planRequest({ model, workers }))).toThrow(
      'worker "gpu" gives sizes of 1 layers as f16; the model has 10',
    );
  });

  test("counts KV as each worker's device keeps it", () => {
    const shared = { ...model, kvBytesPerTokenLayer: 2 ** 20 };
    const [first, second] = workersNamed(2) as [WorkerProfile, WorkerProfile];
    const gpu = { ...second, kvBytesPerTokenLayer: 2 ** 18, freeMemoryBytes: 13 * gibibyte };
    const request = { model: shared, kvTokens: 1024, stages: 1 };
    expect(makePlan(planRequest({ ...request, workers: [gpu] })).stages[0]?.kvBytes).toBe(2.5 * gibibyte);
    const cpu = { ...first, freeMemoryBytes: 13 * gibibyte };
    expect(() => makePlan(planRequest({ ...request, workers: [cpu] }))).toThrow("KV of 1024 tokens 10.0 GiB");
  });

  test("that is too small is refused with the figures", () => {
    const workers = workersNamed(2).map((worker) => ({ ...worker, freeMemoryBytes: 4 * gibibyte }));
    const planning = () => makePlan(planRequest({ model, workers }));
    expect(planning).toThrow(expect.objectContaining({ code: "FAILED_PRECONDITION" }));
    expect(planning).toThrow(
      "it needs 10.0 GiB (weights 10.0 GiB, KV of 0 tokens 0 B, workspace 32.0 KiB a stage) and 8.0 GiB are free " +
        "(w0 4.0 GiB; w1 4.0 GiB): add workers, take a smaller variant, or lower the context",
    );
  });

  test("leaves a worker out that cannot hold one layer", () => {
    const workers = [...workersNamed(2), workerOf("tiny", 1, { freeMemoryBytes: gibibyte / 2 })];
    const withHead = { ...model, headBytes: gibibyte };
    expect(makePlan(planRequest({ model: withHead, workers })).leftOut).toEqual([
      {
        workerId: "tiny",
        reason: "its 512.0 MiB of free memory are less than a stage of one layer needs (1.0 GiB)",
      },
    ]);
  });
});

describe("workers and links", () => {
  test("a slow worker is left out, with the loss it would bring", () => {
    const workers = [...workersNamed(2), workerOf("slow", 20, { head: { alphaMs: 0, betaMs: 20 } })];
    const plan = makePlan(planRequest({ model: modelOf(12), workers }));
    expect(workersOf(plan)).toEqual(["w0", "w1"]);
    expect(plan.leftOut).toEqual([
      { workerId: "slow", reason: "decoding would fall from 167 to 50 tok/s with it" },
    ]);
  });

  test("the order follows the fast links", () => {
    const workers = workersNamed(4);
    const quick = new Set(["w2 w0", "w0 w3", "w3 w1"]);
    const links = linksAmong(["w0", "w1", "w2", "w3"], 0).map((link) => ({
      ...link,
      roundTripMs: link.from === "" || link.to === "" || quick.has(`${link.from} ${link.to}`) ? 0.1 : 50,
    }));
    const plan = makePlan(planRequest({ model: modelOf(40), workers, links, stages: 4 }));
    expect(workersOf(plan)).toEqual(["w2", "w0", "w3", "w1"]);
  });

  test("a long hop brings another lane where that pays, a short one none", () => {
    const request = planRequest({ model: modelOf(20), workers: workersNamed(2), stages: 2 });
    const withHop = (roundTripMs: number) =>
      makePlan({ ...request, links: linksAmong(["w0", "w1"], roundTripMs) }).laneCount;
    expect([withHop(0.1), withHop(20)]).toEqual([2, 3]);
  });

  test("a thin link limits, and is named", () => {
    const model = modelOf(8, { hiddenSize: 1000 });
    const links = [{ from: "w0", to: "w1", roundTripMs: 0, bytesPerSecond: 1e5 }];
    const plan = makePlan(planRequest({ model, workers: workersNamed(2), links, stages: 2 }));
    expect(plan.bottleneck).toMatch(/^link from worker w[01] to worker w[01]: \d+\.\d ms to send \d rows$/);
    expect(makePlan(planRequest({ model, workers: workersNamed(2), links })).stages).toHaveLength(1);
  });

  test("one sequence is best served by one worker, for nothing overlaps", () => {
    const links = linksAmong(["w0", "w1"], 1);
    const plan = makePlan(
      planRequest({ model: modelOf(8), workers: workersNamed(2), links, concurrency: 1 }),
    );
    expect(plan.stages).toHaveLength(1);
    expect(plan.leftOut[0]?.reason).toMatch(/^decoding would fall from 125 to 105 tok\/s with it$/);
    // Steps are sent ahead to a stage alone, so that hops do not count.
    expect(plan.bottleneck).toContain("stage 0 on worker w0: 8.00 ms");
    expect(plan.singleTokensPerSecond).toBeCloseTo(125);
    const cut = makePlan(
      planRequest({ model: modelOf(8), workers: workersNamed(2), links, concurrency: 1, stages: 2 }),
    );
    expect(cut.bottleneck).toContain("too few sequences");
  });

  test("so many stages as were asked for, no more and no less", () => {
    const request = planRequest({ model: modelOf(12), workers: [...workersNamed(3), workerOf("slow", 50)] });
    expect([1, 2, 3, 4].map((stages) => makePlan({ ...request, stages }).stages.length)).toEqual([
      1, 2, 3, 4,
    ]);
    expect(makePlan({ ...request, stages: 1 }).leftOut[0]).toEqual({
      workerId: "slow",
      reason: "only one stage was asked for",
    });
  });

  test("replicas are recommended where they win, with the figures", () => {
    const heavyHead = { alphaMs: 40, betaMs: 0 };
    const workers = workersNamed(2).map((worker) => ({ ...worker, head: heavyHead }));
    const plan = makePlan(planRequest({ model: modelOf(8), workers }));
    expect(plan.remarks).toEqual([
      "replicas would be faster: the whole model on each of w0, w1 decodes about 136 tok/s with 12 sequences, this plan 130; try --replicas 2 --stages 1",
    ]);
  });
});

describe("the plan", () => {
  test("is the same whatever the order of the workers", () => {
    const random = seededRandom(5);
    for (const count of [4, 12]) {
      const workers = Array.from({ length: count }, (_, at) =>
        workerOf(`w${at}`, 1 + Math.floor(random() * 3)),
      );
      const request = planRequest({ model: modelOf(30), workers });
      const plan = makePlan(request);
      expect(makePlan(request)).toEqual(plan);
      expect(makePlan({ ...request, workers: workers.toReversed() })).toEqual(plan);
    }
  });

  test("for fifty workers and eighty layers holds every layer once, and beats the fastest worker", {
    timeout: 60_000,
  }, () => {
    const random = seededRandom(9);
    const workers = Array.from({ length: 50 }, (_, at) => workerOf(`w${at}`, 0.5 + random() * 4));
    const links = linksAmong(
      workers.map((worker) => worker.workerId),
      0.4,
    );
    const request = planRequest({ model: modelOf(80), workers, links, concurrency: 64 });
    const plan = makePlan(request);
    expect(plan.stages.map((stage) => stage.firstLayer)).toEqual([
      0,
      ...plan.stages.slice(0, -1).map((stage) => stage.endLayer),
    ]);
    expect(plan.stages.at(-1)?.endLayer).toBe(80);
    expect(new Set(workersOf(plan)).size).toBe(plan.stages.length);
    expect(plan.leftOut).toHaveLength(50 - plan.stages.length);
    expect(plan.decodeTokensPerSecond).toBeGreaterThan(
      3 * makePlan({ ...request, stages: 1 }).decodeTokensPerSecond,
    );
  });
});

describe("bad requests", () => {
  const request = planRequest({ model: modelOf(3), workers: workersNamed(2) });
  test.each<{ more: Partial<PlanRequest>; code: string; message: string }>([
    { more: { workers: [] }, code: "FAILED_PRECONDITION", message: "there are no workers" },
    {
      more: { stages: 3 },
      code: "FAILED_PRECONDITION",
      message: "3 stages were asked for and there are 2 workers",
    },
    {
      more: { stages: 5 },
      code: "INVALID_ARGUMENT",
      message: "5 stages were asked for, a model of 3 layers",
    },
    { more: { stages: 0 }, code: "INVALID_ARGUMENT", message: "stages is 0" },
    { more: { concurrency: 0.5 }, code: "INVALID_ARGUMENT", message: "concurrency is 0.5" },
    { more: { kvTokens: -1 }, code: "INVALID_ARGUMENT", message: "kvTokens is -1" },
    {
      more: { workers: [workerOf("a", 1), workerOf("a", 1)] },
      code: "INVALID_ARGUMENT",
      message: 'worker id "a" is given twice',
    },
    {
      more: { workers: [workerOf("a", Number.NaN)] },
      code: "INVALID_ARGUMENT",
      message: 'betaMs of layerDecode of worker "a" is NaN',
    },
    {
      more: { links: [{ from: "w0", to: "w1", roundTripMs: 1, bytesPerSecond: 0 }] },
      code: "INVALID_ARGUMENT",
      message: 'bytesPerSecond from "w0" to "w1" is 0',
    },
  ])("$message", ({ more, code, message }) => {
    expect(() => makePlan({ ...request, ...more })).toThrow(expect.objectContaining({ code }));
    expect(() => makePlan({ ...request, ...more })).toThrow(message);
  });
});
