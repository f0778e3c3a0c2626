import { makePlan } from "../../coordinator/planner/plan.js";
import type { Plan } from "../../coordinator/planner/types.js";
import { totalWorkMs } from "./coordinator-work.js";
import { type SimulationOutcome, simulatePipeline } from "./simulate-pipeline.js";
import { simulatedPlanRequest } from "./simulated-workers.js";
import { type StepCost, stepCost, stepCosts } from "./step-costs.js";
import { plannedPipeline } from "./virtual-pipeline.js";

/** What to simulate. */
export interface SimulateOptions {
  readonly stages: number;
  readonly sequences: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Tokens a micro-batch. */
  readonly tokenBudget: number;
  readonly onProgress: (line: string) => void;
}

/** What planner and scheduler make of many stages and sequences, and what they cost. */
export interface SimulateResult {
  readonly stages: number;
  readonly sequences: number;
  readonly lanes: number;
  /** Time of one plan, first call, ms. */
  readonly plannerMs: number;
  readonly predicted: { readonly decodeTokensPerSecond: number; readonly bubbleShare: number };
  /** In virtual time, while all sequences decoded. */
  readonly simulated: { readonly decodeTokensPerSecond: number; readonly bubbleShare: number };
  readonly outcome: SimulationOutcome;
  /** Generated tokens a second of one core that does the coordinator's work: scheduling, frames, answers. */
  readonly tokensPerCoreSecond: number;
  /** Generated and prompt tokens together. */
  readonly scheduledPerCoreSecond: number;
  readonly stepCosts: readonly StepCost[];
  /** The same batch among ever more sequences: its cost should not change. */
  readonly populationCosts: readonly StepCost[];
}

const rowCounts = [64, 128, 256, 512, 1024, 2048, 4096];
/** Rows of a step whose cost is compared among few and many sequences. */
const populationRows = 64;

/** Plans, drives the scheduler in virtual time, and times its steps. No process is started. */
export function runSimulation(options: SimulateOptions): SimulateResult {
  const { stages, sequences, tokenBudget, onProgress } = options;
  onProgress(`planning ${stages} stages`);
  const request = simulatedPlanRequest(stages, sequences);
  const startedMs = performance.now();
  const plan = makePlan(request);
  const plannerMs = performance.now() - startedMs;

  onProgress(`running ${sequences} sequences through ${stages} stages in virtual time`);
  const pipeline = plannedPipeline(plan, request.workers);
  const outcome = simulatePipeline({ ...options, laneCount: plan.laneCount, tokenBudget, pipeline });
  const workMs = totalWorkMs(outcome.times);

  onProgress("timing steps by their batch");
  const costs = stepCosts(rowCounts.filter((rows) => rows <= Math.max(sequences, 64)));
  const lanes = [1, Math.max(1, Math.floor(sequences / populationRows))];
  return {
    stages,
    sequences,
    lanes: plan.laneCount,
    plannerMs,
    predicted: {
      decodeTokensPerSecond: plan.decodeTokensPerSecond,
      bubbleShare: predictedBubble(plan, sequences),
    },
    simulated: {
      decodeTokensPerSecond: outcome.summary.decodeTokensPerSecond,
      bubbleShare: 1 - mean(outcome.busyShares),
    },
    outcome,
    tokensPerCoreSecond: (outcome.generatedTokens / workMs) * 1000,
    scheduledPerCoreSecond: ((outcome.generatedTokens + outcome.promptTokens) / workMs) * 1000,
    stepCosts: costs,
    populationCosts: lanes.map((count) => stepCost(populationRows, count)),
  };
}

/** Mean over the stages of the time in a round of micro-batches that a stage does not compute. */
function predictedBubble({ stages, laneCount, decodeTokensPerSecond }: Plan, sequences: number): number {
  const periodMs = (sequences / Math.min(laneCount, sequences) / decodeTokensPerSecond) * 1000;
  return 1 - mean(stages.map(({ decodeMs }) => decodeMs)) / periodMs;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((sum, value) => sum + value, 0) / values.length;
}
