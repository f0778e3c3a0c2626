import { clusterRunner } from "../load-runner.js";
import { takeTurns } from "../take-turns.js";
import { makeWorkload } from "../workload.js";
import { atLeast } from "./figure.js";
import {
  type Measured,
  medianOf,
  type Scenario,
  type SuiteContext,
  scaled,
  twoStages,
  twoThreads,
} from "./scenario.js";
import { withTwoClusters } from "./with-servers.js";

const promptTokens = 128;
const outputTokens = 64;
const twoStagesTarget = 0.6;
const twoThreadsTarget = 1;

/** One request alone: in two stages one core works at a time, in one stage both do. */
export const oneRequest: Scenario = {
  name: "one-request",
  title: `One request, a ${promptTokens}-token prompt, ${outputTokens} generated`,
  run: (context) =>
    withTwoClusters(context, [twoStages, twoThreads], async (staged, whole) => {
      const { model } = await staged.status();
      const contextTokens = scaled(context, promptTokens) + scaled(context, outputTokens);
      return await context.withYardstick(model, { sequences: 1, contextTokens }, (llama) =>
        measure(
          context,
          [
            clusterRunner("two stages", staged, context.signal),
            clusterRunner("one stage, two threads", whole, context.signal),
            llama,
          ],
          staged.vocabularySize,
        ),
      );
    }),
};

async function measure(
  context: SuiteContext,
  runners: Parameters<typeof takeTurns>[0],
  vocabularySize: number,
): Promise<Measured> {
  const columns = await takeTurns(runners, {
    rounds: context.rounds,
    warmUp: 1,
    runOf: (seed) => ({
      workload: makeWorkload({
        requests: 1,
        promptTokens: scaled(context, promptTokens),
        outputTokens: scaled(context, outputTokens),
        vocabularySize,
        seed,
      }),
      concurrency: 1,
    }),
    onProgress: context.onProgress,
  });
  const [staged, whole, theirs] = columns.map((column) =>
    medianOf(column, (each) => each.decodeTokensPerSecond),
  ) as [number, number, number];
  const figure = (where: string, ours: number) => ({
    name: `one request, ${where}, decode, of llama.cpp's`,
    reached: ours / theirs,
    unit: "x",
    detail: `${ours.toFixed(1)} and ${theirs.toFixed(1)} tok/s`,
  });
  return {
    figures: [
      atLeast(twoStagesTarget, figure("two stages", staged)),
      atLeast(twoThreadsTarget, figure("one stage of two threads", whole)),
    ],
    columns,
    stages: [],
    notes: [],
  };
}
