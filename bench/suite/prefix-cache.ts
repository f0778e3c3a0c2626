import { grpcSource } from "../grpc-source.js";
import type { BenchTarget } from "../load-runner.js";
import { seededRandom } from "../random.js";
import { median } from "../statistics.js";
import { randomIds } from "../workload.js";
import { atLeast } from "./figure.js";
import { type Scenario, type SuiteContext, scaled, twoStages } from "./scenario.js";
import { withCluster } from "./with-servers.js";

const historyTokens = 1000;
const questionTokens = 24;
const answerTokens = 32;
const target = 5;

/** The second turn of a chat: its prompt begins with the first turn's, whose KV is still there. */
export const prefixCache: Scenario = {
  name: "prefix-cache",
  title: `The second turn of a chat with ${historyTokens} tokens of history`,
  run: (context) =>
    withCluster(context, twoStages, async (cluster) => {
      const cold: number[] = [];
      const warm: number[] = [];
      for (let round = 1; round <= context.rounds; round++) {
        context.onProgress(`round ${round} of ${context.rounds}: two turns`);
        const turns = await twoTurns(context, cluster, round);
        cold.push(turns.coldMs);
        warm.push(turns.warmMs);
      }
      const [coldMs, warmMs] = [median(cold), median(warm)];
      return {
        figures: [
          atLeast(target, {
            name: "prefix cache, time to first token without it, of that with it",
            reached: coldMs / warmMs,
            unit: "x",
            detail: `${coldMs.toFixed(0)} and ${warmMs.toFixed(0)} ms`,
          }),
        ],
        columns: [],
        stages: [],
        notes: [],
      };
    }),
};

/** Times to first token of a second turn and of a prompt as long that nothing is known of. */
async function twoTurns(
  context: SuiteContext,
  cluster: BenchTarget,
  seed: number,
): Promise<{ coldMs: number; warmMs: number }> {
  const random = seededRandom(seed);
  const ids = (count: number): number[] => randomIds(count, cluster.vocabularySize, random);
  const history = ids(scaled(context, historyTokens));
  const outputTokens = scaled(context, answerTokens);
  const first = await answer(context, cluster, history, outputTokens);
  const second = [...history, ...first.ids, ...ids(scaled(context, questionTokens))];
  const { firstTokenMs: warmMs } = await answer(context, cluster, second, outputTokens);
  const { firstTokenMs: coldMs } = await answer(context, cluster, ids(second.length), outputTokens);
  return { coldMs, warmMs };
}

async function answer(
  { signal }: SuiteContext,
  { client }: BenchTarget,
  promptIds: readonly number[],
  outputTokens: number,
): Promise<{ firstTokenMs: number; ids: number[] }> {
  const startedMs = performance.now();
  let firstTokenMs: number | undefined;
  const ids: number[] = [];
  for await (const id of grpcSource(client)({ arrivalMs: 0, promptIds, outputTokens }, signal)) {
    firstTokenMs ??= performance.now() - startedMs;
    ids.push(id);
  }
  return { firstTokenMs: firstTokenMs ?? Number.NaN, ids };
}
