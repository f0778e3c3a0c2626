import { expect, test } from "vitest";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { StepComparison, summarize } from "./logit-comparison.js";

const random = seededRandom(3);
const exact = randomFloats(100, random, 4);
const other = exact.map((logit) => logit + (random() - 0.5));

function softmax(logits: Float32Array): number[] {
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return [...logits].map((logit) => Math.exp(logit) / total);
}

test.each([100, 33, 1])("logits in stretches of %i compare as the definitions say", (stretch) => {
  const step = new StepComparison();
  for (let first = 0; first < 100; first += stretch) {
    step.add(first, exact.subarray(first, first + stretch), other.subarray(first, first + stretch));
  }
  const [p, q] = [softmax(exact), softmax(other)];
  const kl = p.reduce((sum, share, id) => sum + share * Math.log(share / (q[id] as number)), 0);
  expect(step.kl).toBeCloseTo(kl, 6);
  const [best, second] = [...exact.keys()].sort((a, b) => (exact[b] as number) - (exact[a] as number));
  const margin = (logits: Float32Array) =>
    (logits[best as number] as number) - (logits[second as number] as number);
  expect(step.marginChange).toBeCloseTo(Math.abs(margin(exact) - margin(other)), 6);
  expect(step.sameToken).toBe(exact.indexOf(Math.max(...exact)) === other.indexOf(Math.max(...other)));
});

test("steps are summed up", () => {
  const steps = [Float32Array.of(1, 2, 0), Float32Array.of(2, 1, 0)].map((logits) => {
    const step = new StepComparison();
    step.add(0, Float32Array.of(1, 2, 0), logits);
    return step;
  });
  const summary = summarize(steps);
  expect(summary).toMatchObject({ steps: 2, sameToken: 0.5, marginChange: { median: 2, p99: 2, max: 2 } });
  expect(summary?.klMean).toBeGreaterThan(0.1);
  expect(summarize([])).toBeUndefined();
});
