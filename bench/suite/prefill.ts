import { clusterRunner, type LoadRunner } from "../load-runner.js";
import type { Column } from "../report.js";
import { takeTurns } from "../take-turns.js";
import { makeWorkload } from "../workload.js";
import { atLeast } from "./figure.js";
import { medianOf, oneThread, type Scenario, type SuiteContext, scaled, twoStages } from "./scenario.js";
import { withServers, withTwoClusters } from "./with-servers.js";

const manyPrompts = { requests: 4, promptTokens: 512, target: 2 };
const longPrompt = { requests: 1, promptTokens: 1024, target: 1.6 };

/** Several prompts at once, one token generated each, beside the yardstick. */
export const prefill: Scenario = {
  name: "prefill",
  title: `${manyPrompts.requests} prompts of ${manyPrompts.promptTokens} tokens at once, one token generated`,
  run: (context) => {
    const contextTokens = scaled(context, manyPrompts.promptTokens) + 1;
    return withServers(context, { sequences: manyPrompts.requests, contextTokens }, async (servers) => {
      const runners = [servers.ours, servers.llama];
      const columns = await readPrompts(context, runners, servers.target.vocabularySize, manyPrompts);
      return comparison(columns, manyPrompts.target, "prefill, two stages, of llama.cpp's");
    });
  },
};

/** One long prompt alone, whose chunks follow each other through the stages. */
export const longPromptAlone: Scenario = {
  name: "long-prompt",
  title: `One prompt of ${longPrompt.promptTokens} tokens alone`,
  run: (context) =>
    withTwoClusters(context, [twoStages, oneThread], async (staged, whole) => {
      const runners = [
        clusterRunner("two stages", staged, context.signal),
        clusterRunner("one stage, one thread", whole, context.signal),
      ];
      const columns = await readPrompts(context, runners, staged.vocabularySize, longPrompt);
      return comparison(
        columns,
        longPrompt.target,
        "one long prompt, two stages, of one stage of one thread",
      );
    }),
};

function readPrompts(
  context: SuiteContext,
  runners: readonly LoadRunner[],
  vocabularySize: number,
  { requests, promptTokens }: { requests: number; promptTokens: number },
): Promise<Column[]> {
  return takeTurns(runners, {
    rounds: context.rounds,
    warmUp: 1,
    runOf: (seed) => ({
      workload: makeWorkload({
        requests,
        promptTokens: scaled(context, promptTokens),
        outputTokens: 1,
        vocabularySize,
        seed,
      }),
      concurrency: requests,
    }),
    onProgress: context.onProgress,
  });
}

function comparison(columns: readonly Column[], target: number, name: string) {
  const [ours, theirs] = columns.map((column) => medianOf(column, (each) => each.prefillTokensPerSecond)) as [
    number,
    number,
  ];
  const detail = `${ours.toFixed(0)} and ${theirs.toFixed(0)} prompt tok/s`;
  const figure = atLeast(target, { name, reached: ours / theirs, unit: "x", detail });
  return { figures: [figure], columns, stages: [], notes: [] };
}
