import { grpcSource, type SourceSampling } from "../grpc-source.js";
import { httpSource } from "../http-source.js";
import { generateLoad, type TokenSource } from "../load-generator.js";
import type { LoadRun } from "../load-runner.js";
import { summarize } from "../statistics.js";
import { takeTurns } from "../take-turns.js";
import { makeWorkload } from "../workload.js";
import { deepMedian } from "./deep-median.js";
import type { GpuBenchOptions, LonePartName, PartName } from "./gpu-bench-options.js";
import type { ClusterRound, ClusterRun } from "./gpu-report.js";
import type { GpuSampler } from "./gpu-sampler.js";
import type { LocalCluster } from "./local-cluster.js";
import { roundOf, type Totals, totalsAfter, totalsBefore } from "./observe-round.js";

/** Parts that are measured on clusters. */
export type ClusterPart = Exclude<PartName, LonePartName>;

/** So many requests at once, and how they are sent. */
export type Load = Omit<ClusterRun, "medians" | "rounds"> & { readonly sampling?: SourceSampling };

/** What is measured for a part, one after the other. */
export function loadsOf(part: ClusterPart, options: GpuBenchOptions): Load[] {
  const { promptTokens, outputTokens, concurrencies } = options;
  const usual = { front: part === "http" ? "http" : "grpc", promptTokens, outputTokens } as const;
  if (part === "long-prompt") {
    const longPrompt = { ...usual, promptTokens: options.longPromptTokens };
    return [{ ...longPrompt, requests: 1, label: `a prompt of ${longPrompt.promptTokens} tokens` }];
  }
  if (part === "sampling") {
    const requests = samplingConcurrency(concurrencies);
    return samplings.map((each) => ({ ...usual, ...each, requests }));
  }
  const counts = part === "mixed" ? concurrencies.filter(isForMixed) : concurrencies;
  return counts.map((requests) => ({ ...usual, requests, label: `${requests} at once` }));
}

/** What loads are sent with. */
export interface MeasureContext {
  readonly options: GpuBenchOptions;
  readonly sampler: GpuSampler | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** Runs a load's rounds, each with prompts of its own after a few tokens for as many requests. */
export async function measureLoad(
  { sampling, ...load }: Load,
  cluster: LocalCluster,
  context: MeasureContext,
): Promise<ClusterRun> {
  const { target } = cluster;
  const { signal, sampler, options } = context;
  const { requests } = load;
  const source: TokenSource =
    load.front === "http" ? httpSource(cluster.http, sampling) : grpcSource(target.client, sampling);
  const runner = {
    name: load.front,
    run: ({ workload, concurrency }: LoadRun) => generateLoad(workload, source, { concurrency, signal }),
  };
  const rounds: ClusterRound[] = [];
  let before: Totals | undefined;
  await takeTurns([runner], {
    rounds: options.rounds,
    warmUp: requests,
    runOf: (round) => ({
      workload: makeWorkload({
        ...load,
        vocabularySize: target.vocabularySize,
        seed: 1000 * requests + round,
      }),
      concurrency: requests,
    }),
    onProgress: context.onProgress,
    onStart: async () => {
      before = await totalsBefore(target, signal);
    },
    onEnd: async (_, times) => {
      const after = await totalsAfter(target, signal);
      if (before !== undefined) rounds.push(roundOf(summarize(times), before, after, sampler));
    },
  });
  return { ...load, medians: deepMedian(rounds as [ClusterRound, ...ClusterRound[]]), rounds };
}

/** More take a CPU's stage minutes, and say nothing more. */
const mostOfMixed = 64;

function isForMixed(requests: number, index: number): boolean {
  return requests <= mostOfMixed || index === 0;
}

/** Random weights give flat logits; so sharp that the best tokens decide, as they mostly do with a real model. */
const sharp = { temperature: 0.01, topP: 0.9 };

const samplings = [
  { label: "greedy", sampling: { temperature: 0 } },
  { label: "temperature 1", sampling: { temperature: 1 } },
  { label: "top_p 0.9, temperature 0.01", sampling: sharp },
] as const;

const usualSamplingConcurrency = 128;

/** The largest that is not beyond the usual one. */
function samplingConcurrency(concurrencies: readonly number[]): number {
  return concurrencies.findLast((each) => each <= usualSamplingConcurrency) ?? (concurrencies[0] as number);
}
