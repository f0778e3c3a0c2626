import { describe, expect, test } from "vitest";
import { PromptBudget, type PromptDemand } from "./prompt-budget.js";
import { StepTimes } from "./step-times.js";

/** A machine with exact times. */
const machine = { fixed: 4, perRow: 1.5, perToken: 0.8 };

function timeOf(decodeRows: number, prefillTokens: number): number {
  return machine.fixed + machine.perRow * decodeRows + machine.perToken * prefillTokens;
}

const demand: PromptDemand = {
  decodeRows: 8,
  decoding: 16,
  prompts: 1,
  pendingTokens: 100_000,
  tokensLeft: 500,
};

function taughtBudget(target: number | "auto", laneCount = 2): PromptBudget {
  const budget = new PromptBudget(laneCount, target);
  for (let step = 0; step < 60; step++) {
    const decodeRows = 1 + (step % 16);
    const prefillTokens = step % 4 === 0 ? 20 + 2 * step : 0;
    budget.observe({ decodeRows, prefillTokens, ms: timeOf(decodeRows, prefillTokens) });
  }
  return budget;
}

describe("step times", () => {
  test("come out as they went in", () => {
    const times = new StepTimes();
    expect([times.decodeMs(1), times.promptTokensIn(9), times.fixedPromptTokens]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    for (let rows = 1; rows < 60; rows++) {
      times.observe({ decodeRows: rows % 16, prefillTokens: 0, ms: timeOf(rows % 16, 0) });
      times.observe({ decodeRows: rows % 16, prefillTokens: rows * 2, ms: timeOf(rows % 16, rows * 2) + 6 });
    }
    expect(times.decodeMs(8)).toBeCloseTo(timeOf(8, 0), 0);
    expect(times.promptTokensIn(30)).toBeCloseTo(24 / machine.perToken, 0);
    expect(times.fixedPromptTokens).toBeCloseTo(6 / machine.perToken, 0);
  });

  test("follow a machine that becomes slower, and no single stutter", () => {
    const times = new StepTimes();
    const observe = (ms: number) => times.observe({ decodeRows: 4, prefillTokens: 0, ms });
    for (let step = 0; step < 50; step++) observe(10);
    observe(5_000);
    expect(times.decodeMs(4)).toBeLessThan(12);
    for (let step = 0; step < 120; step++) observe(30);
    expect(times.decodeMs(4)).toBeGreaterThan(28);
  });

  test("of prompts are guessed from decoding until one was read", () => {
    const times = new StepTimes();
    for (let rows = 1; rows < 9; rows++)
      times.observe({ decodeRows: rows, prefillTokens: 0, ms: timeOf(rows, 0) });
    expect(times.promptTokensIn(55)).toBeGreaterThan(5);
    expect(times.promptTokensIn(55)).toBeLessThan(55 / machine.perRow);
  });
});

describe("while sequences decode", () => {
  test("a step with prompts keeps to a multiple of one without", () => {
    const tokens = taughtBudget("auto").tokens({ ...demand, decodeRows: 14 });
    const longer = timeOf(14, tokens) / timeOf(14, 0);
    expect(longer).toBeGreaterThan(1.25);
    expect(longer).toBeLessThan(1.45);
  });

  test("the multiple grows with the prompts that wait beside the first", () => {
    const budget = taughtBudget("auto");
    const [one = 0, two = 0, five = 0] = [1, 2, 5].map((prompts) =>
      budget.tokens({ ...demand, decodeRows: 8, prompts }),
    );
    expect(two).toBeGreaterThan(1.3 * one);
    expect(five).toBeGreaterThan(1.5 * two);
    expect(taughtBudget(60).tokens({ ...demand, prompts: 5 })).toBe(taughtBudget(60).tokens(demand));
  });

  test("a step of each lane keeps within a target", () => {
    const tokens = taughtBudget(120).tokens(demand);
    expect(2 * timeOf(8, tokens)).toBeLessThan(126);
    expect(2 * timeOf(8, tokens)).toBeGreaterThan(110);
  });

  test("prompts never starve, and start small before anything is known", () => {
    expect(taughtBudget(1).tokens(demand)).toBe(4);
    expect(taughtBudget(1).tokens({ ...demand, tokensLeft: 3 })).toBe(3);
    expect(new PromptBudget(2, "auto").tokens(demand)).toBe(64);
  });

  test("many more prompts than that matter more, unless a target is given", () => {
    const crowd = { ...demand, decoding: 3, prompts: 7 };
    expect(taughtBudget("auto").tokens(crowd)).toBe(500);
    expect(taughtBudget(60).tokens(crowd)).toBeLessThan(40);
  });
});

describe("while none decodes", () => {
  const idle = { ...demand, decodeRows: 0, decoding: 0 };

  test("one prompt is cut so that its pieces fill all lanes", () => {
    const pieces = 1024 / new PromptBudget(2, "auto").tokens({ ...idle, pendingTokens: 1024 });
    expect(pieces).toBeGreaterThanOrEqual(7);
    expect(pieces).toBeLessThanOrEqual(10);
  });

  test("pieces grow with what there is and with a step's own time, up to the budget", () => {
    const budget = taughtBudget("auto");
    const sizes = [64, 1024, 8192].map((pendingTokens) => budget.tokens({ ...idle, pendingTokens }));
    expect([...sizes].sort((one, other) => one - other)).toEqual(sizes);
    expect(sizes[1]).toBeLessThan(new PromptBudget(2, "auto").tokens({ ...idle, pendingTokens: 1024 }));
    expect(budget.tokens({ ...idle, pendingTokens: 1e9 })).toBe(500);
  });

  test("a single lane takes all it can", () => {
    expect(new PromptBudget(1, "auto").tokens({ ...idle, pendingTokens: 10 })).toBe(500);
  });
});
