import { readFile } from "node:fs/promises";
import type { LoadRun } from "../../bench/load-runner.js";
import { makeTrace } from "../../bench/trace.js";
import { parseTraceFile } from "../../bench/trace-file.js";
import { freshPrompts, makeWorkload } from "../../bench/workload.js";
import type { SingleFlags } from "./single-flags.js";

/** Requests in flight unless told otherwise, where arrivals do not decide. */
const usualConcurrency = 16;
/** Arrivals a second of a drawn trace unless told otherwise. */
const usualTraceRate = 4;
/** Lengths of a drawn trace end at so many times their mean. */
const longestOfMean = 8;

/**
 * The workload of each round as the options say: random prompts, a drawn trace, or a trace of a file. Every round's
 * prompts have other tokens.
 */
export async function workloadOf(
  flags: SingleFlags,
  vocabularySize: number,
): Promise<(round: number) => LoadRun> {
  const { trace, seed, concurrency, promptTokens, outputTokens, requestRate = usualTraceRate } = flags;
  if (trace === undefined) {
    return (round) => ({
      workload: makeWorkload({ ...flags, vocabularySize, seed: seed + round }),
      concurrency: concurrency ?? usualConcurrency,
    });
  }
  const traceSeed = /^\d{1,9}$/.test(trace) ? Number(trace) : undefined;
  const workload =
    traceSeed === undefined
      ? parseTraceFile(await readFile(trace, "utf8"), trace, vocabularySize)
      : makeTrace({
          ...flags,
          seed: traceSeed,
          requestRate,
          meanPromptTokens: promptTokens,
          meanOutputTokens: outputTokens,
          maxTokens: longestOfMean * Math.max(promptTokens, outputTokens),
          vocabularySize,
        });
  return (round) => ({
    workload: freshPrompts(workload, vocabularySize, seed + round),
    concurrency: concurrency ?? workload.length,
  });
}
