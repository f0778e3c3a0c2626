import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { Column } from "../report.js";
import { type StageShares, stageShares } from "../stage-shares.js";
import { slowestHopMs, withStatusSamples } from "../status-sampler.js";
import { type TurnOptions, takeTurns } from "../take-turns.js";
import { makeWorkload } from "../workload.js";
import { atLeast, atMost, type Figure } from "./figure.js";
import { type Measured, medianOf, type Scenario, type SuiteContext, scaled } from "./scenario.js";
import { type Servers, withServers } from "./with-servers.js";

/** How many requests, and what is to be reached with them. */
export interface AtOnceOptions {
  readonly requests: number;
  /** Of the yardstick's rates. */
  readonly decodeTarget: number;
  readonly wholeTarget?: number;
  /** Of the time that a hop adds. */
  readonly hopTargetMs?: number;
}

const promptTokens = 128;
const outputTokens = 64;
/** With fewer tokens a request while all decode, a decode rate says little; longer outputs are run for it then. */
const fewestDecodeTokens = 16;
const longerOutputs = 3;

/** So many requests at once in two stages, beside static batching and the yardstick. */
export function atOnce(options: AtOnceOptions): Scenario {
  return {
    name: `at-once-${options.requests}`,
    title: `${options.requests} requests at once, ${promptTokens}-token prompts, ${outputTokens} generated`,
    run: (context) => {
      const contextTokens = scaled(context, promptTokens) + longerOutputs * scaled(context, outputTokens);
      return withServers(context, { sequences: options.requests, contextTokens }, (servers) =>
        measure(context, options, servers),
      );
    },
  };
}

async function measure(context: SuiteContext, options: AtOnceOptions, servers: Servers): Promise<Measured> {
  const { target, ours, all } = servers;
  const turns = (
    output: number,
    firstSeed: number,
    hooks: Pick<TurnOptions, "onStart" | "onEnd"> = {},
  ): Promise<Column[]> =>
    takeTurns(all, {
      rounds: context.rounds,
      warmUp: 4,
      runOf: (round) => ({
        workload: makeWorkload({
          requests: options.requests,
          promptTokens: scaled(context, promptTokens),
          outputTokens: output,
          vocabularySize: target.vocabularySize,
          seed: firstSeed + round,
        }),
        concurrency: options.requests,
      }),
      onProgress: context.onProgress,
      ...hooks,
    });

  const output = scaled(context, outputTokens);
  let stages: readonly StageShares[] = [];
  let before = await target.status();
  const { result: columns, samples } = await withStatusSamples(target, () =>
    turns(output, 0, {
      onStart: async (runner) => {
        if (runner === ours) before = await target.status();
      },
      onEnd: async (runner) => {
        if (runner === ours) stages = stageShares(before, await target.status());
      },
    }),
  );
  const together = columns.every((column) => decodesTogether(column, options.requests));
  const decoding = together ? columns : await turns(longerOutputs * output, context.rounds);
  const note = `Too little was decoded while all requests did: the decode rate is of further rounds with ${longerOutputs * output} tokens generated.`;
  return {
    figures: figuresOf(options, columns, decoding, slowestHopMs(samples)),
    columns,
    stages,
    notes: [...(together ? [] : [note]), ...predictionOf(await target.status(), options.requests)],
  };
}

/** What the planner promised for so many requests, beside what the coordinator saw. */
function predictionOf({ decodeRates }: ClusterStatus__Output, requests: number): string[] {
  const rate = decodeRates.find(({ concurrency }) => concurrency === requests);
  const { predictedTokensPerSecond: predicted, achievedTokensPerSecond: achieved } = rate ?? {};
  if (predicted === undefined || achieved === undefined) return [];
  return [
    `Decoding was planned to make ${predicted.toFixed(1)} tok/s and made ${achieved.toFixed(1)}, ${(achieved / predicted).toFixed(2)} of it.`,
  ];
}

function decodesTogether({ rounds }: Column, requests: number): boolean {
  return rounds.every(({ decodeTokens }) => decodeTokens >= fewestDecodeTokens * requests);
}

function figuresOf(
  { requests, decodeTarget, wholeTarget, hopTargetMs }: AtOnceOptions,
  columns: readonly Column[],
  decoding: readonly Column[],
  hopMs: number,
): Figure[] {
  const ratio = (
    name: string,
    from: readonly Column[],
    key: "decodeTokensPerSecond" | "outputTokensPerSecond",
  ) => {
    const [ours, theirs] = [from[0], from.at(-1)].map((column) => medianOf(column, (each) => each[key]));
    return {
      name: `${requests} at once, ${name}, of llama.cpp's`,
      reached: (ours as number) / (theirs as number),
      unit: "x",
      detail: `${(ours as number).toFixed(1)} and ${(theirs as number).toFixed(1)} tok/s`,
    };
  };
  const figures = [atLeast(decodeTarget, ratio("decode", decoding, "decodeTokensPerSecond"))];
  if (wholeTarget !== undefined)
    figures.push(atLeast(wholeTarget, ratio("whole", columns, "outputTokensPerSecond")));
  if (hopTargetMs !== undefined) {
    const name = `hop p50, ${Math.ceil(requests / 2)} rows`;
    const detail = "slowest stage's, median of its status";
    figures.push(atMost(hopTargetMs, { name, reached: hopMs, unit: "ms", detail }));
  }
  return figures;
}
