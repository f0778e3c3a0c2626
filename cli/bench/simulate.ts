import type { Command } from "commander";
import { renderSimulation } from "../../bench/simulate/render-simulation.js";
import { runSimulation } from "../../bench/simulate/run-simulation.js";
import { printJson } from "../json.js";
import { positiveInteger } from "./number-options.js";

interface SimulateFlags {
  readonly stages: number;
  readonly sequences: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly maxBatchTokens: number;
  readonly json: boolean;
}

/** `bench simulate`. */
export function registerSimulate(bench: Command): void {
  bench
    .command("simulate")
    .description("run planner and scheduler over many stages in virtual time, and tell what they cost")
    .option("--stages <N>", "stages of the pipeline", positiveInteger, 64)
    .option("--sequences <N>", "sequences that live at once", positiveInteger, 4096)
    .option("--prompt-tokens <N>", "tokens of each prompt", positiveInteger, 32)
    .option("--output-tokens <N>", "tokens generated a sequence", positiveInteger, 32)
    .option("--max-batch-tokens <N>", "tokens of a micro-batch", positiveInteger, 512)
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      "\nNo process is started and no model is read.\n\nExamples:\n  $ stagecoach bench simulate --stages 64 --sequences 4096\n",
    )
    .action(({ maxBatchTokens, json, ...sizes }: SimulateFlags) => {
      const onProgress = (line: string): void => {
        process.stderr.write(`${line}\n`);
      };
      const result = runSimulation({ ...sizes, tokenBudget: maxBatchTokens, onProgress });
      if (json) printJson(result);
      else process.stdout.write(`${renderSimulation(result)}\n`);
    });
}
