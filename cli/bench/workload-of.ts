import { readFile } from "node:fs/promises";
import type { LoadRun } from "../../bench/load-runner.js";
import { makeTrace } from "../../bench/trace.js";
import { parseTraceFile } from "../../bench/trace-file.js";
import { makeWorkload } from "../../bench/workload.js";
import type { SingleFlags } from "./single-flags.js";

/** Requests in flight unless told otherwise, where arrivals do not decide. */
const usualConcurrency = 16;
/** Arrivals a second of a drawn trace unless told otherwise. */
const usualTraceRate = 4;
/** Lengths of a drawn trace end at so many times their mean. */
const longestOfMean = 8;

/** The workload of each round as the options say: random prompts, a drawn trace, or a trace of a file. */
export async function workloadOf(
  flags: SingleFlags,
  vocabularySize: number,
): Promise<(round: number) => LoadRun> {
  const { trace, concurrency, promptTokens, outputTokens, requestRate = usualTraceRate } = flags;
  if (trace === undefined) {
    return (seed) => ({
      workload: makeWorkload({ ...flags, vocabularySize, seed }),
      concurrency: concurrency ?? usualConcurrency,
    });
  }
  const seed = /^\d{1,9}$/.test(trace) ? Number(trace) : undefined;
  const workload =
    seed === undefined
      ? parseTraceFile(await readFile(trace, "utf8"), trace, vocabularySize)
      : makeTrace({
          ...flags,
          seed,
          requestRate,
          meanPromptTokens: promptTokens,
          meanOutputTokens: outputTokens,
          maxTokens: longestOfMean * Math.max(promptTokens, outputTokens),
          vocabularySize,
        });
  return () => ({ workload, concurrency: concurrency ?? workload.length });
}
