import { takeTurns } from "../take-turns.js";
import { makeTrace } from "../trace.js";
import { atLeast } from "./figure.js";
import { medianOf, type Scenario, scaled } from "./scenario.js";
import { withServers } from "./with-servers.js";

const requests = 48;
const concurrency = 16;
const meanPromptTokens = 96;
const meanOutputTokens = 64;
const maxTokens = 256;
/** So many a second that those in flight decide, not the arrivals. */
const requestRate = 1000;

/** Requests of many lengths, which is what continuous batching is for; static batching waits for the longest. */
export const mixedLengths: Scenario = {
  name: "mixed-lengths",
  title: `${requests} requests of mixed lengths, ${concurrency} at once`,
  run: (context) =>
    withServers(
      context,
      { sequences: concurrency, contextTokens: 2 * scaled(context, maxTokens) },
      async ({ all, target }) => {
        const columns = await takeTurns(all, {
          rounds: context.rounds,
          warmUp: 4,
          runOf: (seed) => ({
            workload: makeTrace({
              seed,
              requests,
              requestRate,
              burstiness: 1,
              meanPromptTokens: scaled(context, meanPromptTokens),
              meanOutputTokens: scaled(context, meanOutputTokens),
              maxTokens: scaled(context, maxTokens),
              vocabularySize: target.vocabularySize,
            }),
            concurrency,
          }),
          onProgress: context.onProgress,
        });
        const [ours, statics] = [columns[0], columns.find(({ name }) => name === "static batching")].map(
          (column) => medianOf(column, (each) => each.outputTokensPerSecond),
        ) as [number, number];
        const figure = atLeast(1, {
          name: "mixed lengths, whole, of static batching's",
          reached: ours / statics,
          unit: "x",
          detail: `${ours.toFixed(1)} and ${statics.toFixed(1)} tok/s`,
        });
        return {
          figures: context.staticBatching ? [figure] : [],
          columns,
          stages: [],
          notes: context.staticBatching ? [] : ["This version has no static batching to compare with."],
        };
      },
    ),
};
