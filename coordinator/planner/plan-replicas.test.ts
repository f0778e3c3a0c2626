import { describe, expect, test } from "vitest";
import { linksAmong, modelOf, planRequest, workerOf } from "../../test/fixtures/plan-requests.js";
import { partitionWorkers } from "./partition.js";
import { makePlan } from "./plan.js";
import { joinPlans, planGroups } from "./plan-replicas.js";

function workers(rowMs: readonly number[], more = {}) {
  return rowMs.map((each, index) => workerOf(`w${index}`, each, more));
}

describe("parting workers", () => {
  test("evens out unequal ones, so that both replicas are good", () => {
    const request = planRequest({ model: modelOf(12), workers: workers([1, 1, 3, 3]), stages: 2 });
    const groups = planGroups(request, 2);
    expect(groups.flat().sort()).toEqual(["w0", "w1", "w2", "w3"]);
    const rate = groups
      .map((group) =>
        makePlan({ ...request, workers: request.workers.filter(({ workerId }) => group.includes(workerId)) }),
      )
      .reduce((sum, plan) => sum + plan.decodeTokensPerSecond, 0);
    expect(partitionWorkers(request, 2)?.tokensPerSecond).toBeCloseTo(rate);
  });

  test("keeps workers with short links together", () => {
    const near = (from: string, to: string) =>
      [
        ["w0", "w2"],
        ["w1", "w3"],
      ].some((pair) => pair.includes(from) && pair.includes(to));
    const links = linksAmong(["w0", "w1", "w2", "w3"], 0).map((link) => ({
      ...link,
      roundTripMs: near(link.from, link.to) || link.from === "" || link.to === "" ? 0 : 200,
    }));
    const request = planRequest({ model: modelOf(12), workers: workers([1, 1, 1, 1]), links, stages: 2 });
    expect(planGroups(request, 2)).toEqual([
      ["w0", "w2"],
      ["w1", "w3"],
    ]);
  });

  test("of many is good and holds everybody once", () => {
    const speeds = Array.from({ length: 12 }, (_, index) => 1 + (index % 4));
    const request = planRequest({ model: modelOf(24), workers: workers(speeds), stages: 3 });
    const groups = planGroups(request, 4);
    expect(groups.map((group) => group.length)).toEqual([3, 3, 3, 3]);
    expect(new Set(groups.flat()).size).toBe(12);
  });

  test("is refused with the figures where there are too few, or too small ones", () => {
    const request = planRequest({ model: modelOf(12), workers: workers([1, 1, 1]), stages: 2 });
    expect(() => planGroups(request, 2)).toThrow(
      "2 replicas of 2 stages were asked for and there are 3 workers: start 1 more",
    );
    const small = workers([1, 1], { freeMemoryBytes: 1 });
    expect(() => planGroups(planRequest({ model: modelOf(12), workers: small }), 2)).toThrow(
      expect.objectContaining({ code: "FAILED_PRECONDITION" }),
    );
  });
});

test("two pipelines of two stages are recommended where they win, with the figures", () => {
  const gibibyte = 2 ** 30;
  const model = modelOf(8, { layerBytes: Array.from({ length: 8 }, () => gibibyte) });
  // Too large for one worker; a head that a longer pipeline cannot share out.
  const four = workers([1, 1, 1, 1], {
    freeMemoryBytes: 6.5 * gibibyte,
    layerDecode: { alphaMs: 0, betaMs: 4 },
    layerPrefill: { alphaMs: 0, betaMs: 4 },
    head: { alphaMs: 0, betaMs: 16 },
  });
  const request = planRequest({ model, workers: four, concurrency: 4 });
  const [remark] = makePlan(request).remarks;
  // Each has 24 ms a stage and sequence, and one of its two sequences in either; four stages wait for the head.
  expect(remark).toBe(
    "replicas would be faster: the model over each of w0 + w1, w2 + w3 decodes about 83 tok/s with 4 sequences, this plan 63; try --replicas 2 --stages 2",
  );
});

test("joined, rates add up and requests are shared out", () => {
  const request = planRequest({ model: modelOf(4), workers: workers([1]), concurrency: 4 });
  const plan = makePlan(request);
  const joined = joinPlans([plan, plan]);
  expect(joined.decodeTokensPerSecond).toBe(2 * plan.decodeTokensPerSecond);
  expect(joined.singleTokensPerSecond).toBe(plan.singleTokensPerSecond);
  const rateOf = (concurrency: number) =>
    joined.predictions.find((each) => each.concurrency === concurrency)?.decodeTokensPerSecond;
  const alone = (concurrency: number) => makePlan({ ...request, concurrency }).decodeTokensPerSecond;
  expect(rateOf(1)).toBeCloseTo(plan.singleTokensPerSecond);
  expect(rateOf(4)).toBeCloseTo(2 * alone(2));
});
