import { runSimulation } from "../simulate/run-simulation.js";
import type { StepCost } from "../simulate/step-costs.js";
import { atLeast, atMost } from "./figure.js";
import type { Scenario } from "./scenario.js";

const stages = 64;
const sequences = 4096;
const tokensTarget = 20_000;
/** Cost of a row in the largest batch, of that in the smallest: 1 is linear, and a timer is not exact. */
const linearTarget = 1.5;

/** What scheduling costs, without processes: the real scheduler over stages in virtual time. */
export const coordinatorCost: Scenario = {
  name: "coordinator",
  title: `${sequences} sequences over ${stages} stages in virtual time`,
  run: async ({ onProgress }) => {
    const sizes = { promptTokens: 32, outputTokens: 32, tokenBudget: 512 };
    const result = runSimulation({ stages, sequences, ...sizes, onProgress });
    const [small, large] = [result.stepCosts[0], result.stepCosts.at(-1)] as [StepCost, StepCost];
    const [few, many] = result.populationCosts as [StepCost, StepCost];
    return {
      figures: [
        atLeast(tokensTarget, {
          name: "coordinator, generated tokens a second of one core",
          reached: result.tokensPerCoreSecond,
          unit: "tok/s",
          detail: `${sequences} live sequences, scheduling, frames and answers`,
        }),
        atMost(linearTarget, {
          name: `cost of a row at ${large.rows} rows a step, of that at ${small.rows}`,
          reached: large.rowUs / small.rowUs,
          unit: "x",
          detail: `${large.rowUs.toFixed(2)} and ${small.rowUs.toFixed(2)} µs`,
        }),
      ],
      columns: [],
      stages: [],
      notes: [
        `A step of ${many.rows} rows takes ${few.stepUs.toFixed(0)} µs among ${few.sequences} live sequences and ${many.stepUs.toFixed(0)} µs among ${many.sequences}.`,
        `Planning ${stages} stages took ${result.plannerMs.toFixed(0)} ms. Bubble share predicted ${(100 * result.predicted.bubbleShare).toFixed(1)} %, in virtual time ${(100 * result.simulated.bubbleShare).toFixed(1)} %.`,
      ],
    };
  },
};
