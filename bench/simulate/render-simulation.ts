import { markdownTable } from "../markdown-table.js";
import { totalWorkMs } from "./coordinator-work.js";
import type { SimulateResult } from "./run-simulation.js";
import type { StepCost } from "./step-costs.js";

/** A simulation's result as Markdown, which reads well on a terminal too. */
export function renderSimulation(result: SimulateResult): string {
  const { outcome, predicted, simulated } = result;
  const workMs = totalWorkMs(outcome.times);
  const share = (ms: number): string => percent(ms / workMs);
  const facts = [
    ["planner, one plan", `${result.plannerMs.toFixed(0)} ms`],
    ["lanes", String(result.lanes)],
    ["decode predicted", `${rate(predicted.decodeTokensPerSecond)} tok/s`],
    ["decode in virtual time", `${rate(simulated.decodeTokensPerSecond)} tok/s`],
    ["bubble share predicted", percent(predicted.bubbleShare)],
    ["bubble share in virtual time", percent(simulated.bubbleShare)],
    ["micro-batches", rate(outcome.microBatches)],
    ["tokens generated, prompt tokens", `${rate(outcome.generatedTokens)}, ${rate(outcome.promptTokens)}`],
    ["coordinator's time", `${(workMs / 1000).toFixed(2)} s of one core`],
    [
      "of it scheduling, frames, answers",
      `${share(outcome.times.scheduling)}, ${share(outcome.times.frames)}, ${share(outcome.times.tokens)}`,
    ],
    ["generated tok/s of one core", rate(result.tokensPerCoreSecond)],
    ["scheduled tok/s of one core, prompts too", rate(result.scheduledPerCoreSecond)],
  ];
  return [
    `## ${result.stages} stages, ${rate(result.sequences)} sequences, in virtual time`,
    "",
    markdownTable(["figure", "value"], facts),
    "",
    "A decode step's cost for the coordinator, by its batch:",
    "",
    costTable(result.stepCosts),
    "",
    "The same batch among few and many live sequences:",
    "",
    costTable(result.populationCosts),
  ].join("\n");
}

function costTable(costs: readonly StepCost[]): string {
  return markdownTable(
    ["rows", "live sequences", "µs a step", "µs a row"],
    costs.map(({ rows, sequences, stepUs, rowUs }) => [
      String(rows),
      String(sequences),
      stepUs.toFixed(0),
      rowUs.toFixed(2),
    ]),
  );
}

function percent(share: number): string {
  return Number.isFinite(share) ? `${(100 * share).toFixed(1)} %` : "–";
}

function rate(value: number): string {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en-US") : "–";
}
