import { setMaxListeners } from "node:events";
import { mkdir } from "node:fs/promises";
import { loadavg } from "node:os";
import { join } from "node:path";
import { StagecoachError } from "../common/errors.js";
import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { InferenceClient } from "../proto/gen/stagecoach/v1/Inference.js";
import { grpcSource } from "./grpc-source.js";
import { type LlamaYardstick, startLlama } from "./llama-yardstick.js";
import { generateLoad, type LoadOptions } from "./load-generator.js";
import { writeQ8File } from "./q8-file.js";
import type { Column } from "./report.js";
import { type StageShares, stageShares } from "./stage-shares.js";
import { type RunSummary, summarize } from "./statistics.js";
import { makeWorkload, type WorkloadRequest } from "./workload.js";

/** What to measure. */
export interface BenchOptions {
  readonly requests: number;
  readonly concurrency: number;
  readonly requestRate?: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  /** Requests sent before anything is counted, at every round. */
  readonly warmUp: number;
  readonly rounds: number;
  /** Absent: no comparison. */
  readonly yardstick?: YardstickOptions;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** llama.cpp on the same weights. */
export interface YardstickOptions {
  /** The GGUF that the model was packed from. */
  readonly ggufPath: string;
  readonly threads: number;
  /** Compare with the file as it is, or with its weights as Q8_0, written here first. */
  readonly format: "as-is" | "q8_0";
  /** Where the Q8_0 file is kept for the next time. */
  readonly cacheFolder: string;
}

/** The cluster under measurement. */
export interface BenchTarget {
  readonly client: InferenceClient;
  readonly vocabularySize: number;
  readonly status: () => Promise<ClusterStatus__Output>;
}

/** What came of it. */
export interface BenchResult {
  readonly columns: readonly Column[];
  /** Of the last round, by stage. */
  readonly stages: readonly StageShares[];
  /** The machine's load average before the start; a busy machine makes figures worthless. */
  readonly loadBefore: number;
}

/** Rounds take turns between ours and the yardstick, so that both see the same machine. */
export async function runBench(target: BenchTarget, options: BenchOptions): Promise<BenchResult> {
  const [loadBefore = 0] = loadavg();
  // Every request in flight listens.
  setMaxListeners(options.concurrency + 10, options.signal);
  const llama = options.yardstick && (await openYardstick(options.yardstick, options));
  try {
    const ours: RunSummary[] = [];
    const theirs: RunSummary[] = [];
    let stages: readonly StageShares[] = [];
    for (let round = 1; round <= options.rounds; round++) {
      const workload = workloadOf(options, target.vocabularySize, round);
      options.onProgress(`round ${round} of ${options.rounds}: stagecoach`);
      const before = await warmedUp(target, options, workload);
      ours.push(summarize(await generateLoad(workload, grpcSource(target.client), loadOptions(options))));
      stages = stageShares(before, await target.status());
      if (llama === undefined) continue;
      options.onProgress(`round ${round} of ${options.rounds}: llama.cpp`);
      await llama.run({ workload: warmUpOf(options, workload), concurrency: options.concurrency });
      theirs.push(summarize(await llama.run({ workload, concurrency: options.concurrency })));
    }
    const columns = [{ name: "stagecoach", rounds: ours }];
    if (theirs.length > 0) columns.push({ name: `llama.cpp ${options.yardstick?.format}`, rounds: theirs });
    return { columns, stages, loadBefore };
  } finally {
    await llama?.close();
  }
}

async function openYardstick(yardstick: YardstickOptions, options: BenchOptions): Promise<LlamaYardstick> {
  const setup = {
    modelPath: await yardstickFile(yardstick, options),
    threads: yardstick.threads,
    sequences: options.concurrency,
    contextTokens: options.promptTokens + options.outputTokens + 16,
  };
  return await startLlama(setup);
}

async function yardstickFile(
  { ggufPath, format, cacheFolder }: YardstickOptions,
  { onProgress }: BenchOptions,
): Promise<string> {
  if (!ggufPath.endsWith(".gguf")) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `llama.cpp reads GGUF files and ${ggufPath} is none: compare a model that was pulled as one`,
    );
  }
  if (format === "as-is") return ggufPath;
  onProgress("writing the weights as Q8_0 for llama.cpp");
  await mkdir(cacheFolder, { recursive: true });
  const path = join(cacheFolder, "yardstick-q8_0.gguf");
  await writeQ8File(ggufPath, path);
  return path;
}

function workloadOf(options: BenchOptions, vocabularySize: number, round: number): WorkloadRequest[] {
  const { requests, promptTokens, outputTokens, requestRate } = options;
  return makeWorkload({
    requests,
    promptTokens,
    outputTokens,
    vocabularySize,
    seed: round,
    ...(requestRate !== undefined && { requestRate }),
  });
}

/** Other tokens than the workload's, so that nothing is cached for it. */
function warmUpOf({ warmUp }: BenchOptions, workload: readonly WorkloadRequest[]): WorkloadRequest[] {
  return workload.slice(0, warmUp).map((request) => ({
    arrivalMs: 0,
    promptIds: request.promptIds.toReversed(),
    outputTokens: Math.min(8, request.outputTokens),
  }));
}

async function warmedUp(
  target: BenchTarget,
  options: BenchOptions,
  workload: readonly WorkloadRequest[],
): Promise<ClusterStatus__Output> {
  await generateLoad(warmUpOf(options, workload), grpcSource(target.client), loadOptions(options));
  return await target.status();
}

function loadOptions({ concurrency, signal }: BenchOptions): LoadOptions {
  return { concurrency, signal };
}
