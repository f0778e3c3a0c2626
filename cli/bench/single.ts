import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { type Goodput, goodput, parseLimit, type ServiceLimits } from "../../bench/goodput.js";
import type { BenchTarget } from "../../bench/load-runner.js";
import { renderPlot } from "../../bench/plot/render-plot.js";
import { renderBench } from "../../bench/render-bench.js";
import { type BenchResult, runBench, sizeOf } from "../../bench/run-bench.js";
import { runSweep, sweepMarkdown, sweepPlot } from "../../bench/sweep.js";
import { StagecoachError } from "../../common/errors.js";
import { printJson } from "../json.js";
import { askedToEnd } from "../serve.js";
import type { SingleFlags } from "./single-flags.js";
import { runWholeSuite } from "./suite.js";
import { type RunnerOptions, withRunners, withTarget } from "./with-runners.js";
import { workloadOf } from "./workload-of.js";

/** `stagecoach bench` without a subcommand: one workload, or a sweep over concurrency. */
export async function singleBench(command: Command, flags: SingleFlags): Promise<void> {
  if (flags.suite) return await runWholeSuite(command, flags);
  const limits = limitsOf(flags.goodput);
  if (flags.plot !== undefined && flags.sweep === undefined)
    throw new StagecoachError("INVALID_ARGUMENT", "--plot draws a sweep: give --sweep 1,2,4,8,16,32 too");
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  const options: RunnerOptions = {
    command,
    flags,
    signal: ended.signal,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  };
  await withTarget(options, (target) =>
    flags.sweep === undefined ? measure(options, target, limits) : sweep(options, flags.sweep, target),
  );
}

async function measure(
  options: RunnerOptions,
  target: BenchTarget,
  limits: ServiceLimits | undefined,
): Promise<void> {
  const { flags, onProgress } = options;
  const runOf = await workloadOf(flags, target.vocabularySize);
  await withRunners(options, target, sizeOf(runOf(1)), async (runners) => {
    const { warmUp, rounds, json, markdown } = flags;
    const result = await runBench({ target, runners, runOf, warmUp, rounds, onProgress });
    const kept = limits === undefined ? [] : goodputs(result, limits);
    if (json) {
      const { times: _, ...told } = result;
      printJson({ options: flags, ...told, ...(limits !== undefined && { limits, goodput: kept }) });
      return;
    }
    const lines = kept.map(
      ({ name, good, requests, goodPerSecond }) =>
        `goodput of ${name}: ${good} of ${requests} requests within ${flags.goodput?.join(", ")} ms, ${goodPerSecond.toFixed(2)} a second (last round)`,
    );
    process.stdout.write(
      `${[renderBench(result, markdown ? "markdown" : "terminal"), ...lines].join("\n")}\n`,
    );
  });
}

async function sweep(
  options: RunnerOptions,
  concurrencies: readonly number[],
  target: BenchTarget,
): Promise<void> {
  const { flags, onProgress } = options;
  const { rounds, warmUp, seed, promptTokens, outputTokens, plot, json } = flags;
  const size = { sequences: Math.max(...concurrencies), contextTokens: promptTokens + outputTokens };
  const { model, variant, workers } = await target.status();
  await withRunners(options, target, size, async (runners) => {
    const points = await runSweep(runners, {
      concurrencies,
      rounds,
      warmUp,
      seed,
      promptTokens,
      outputTokens,
      vocabularySize: target.vocabularySize,
      onProgress,
    });
    const stages = workers.filter(({ stageIndex }) => stageIndex !== undefined);
    const subtitle = `${model} (${variant}), ${count(stages.length, "stage")} of ${count(stages[0]?.threads ?? 0, "thread")}; ${promptTokens}-token prompts, ${outputTokens} generated; medians of ${rounds} rounds`;
    if (plot !== undefined) await writeFile(plot, renderPlot(sweepPlot(points, subtitle)));
    if (json) printJson({ options: flags, points });
    else process.stdout.write(`${sweepMarkdown(points)}\n`);
  });
}

function goodputs({ columns, times }: BenchResult, limits: ServiceLimits): (Goodput & { name: string })[] {
  return columns.map(({ name }, index) => ({ name, ...goodput(times[index] ?? [], limits) }));
}

function limitsOf(texts: readonly string[] | undefined): ServiceLimits | undefined {
  if (texts === undefined) return undefined;
  return Object.assign(
    {},
    ...texts.map((text) => {
      const limit = parseLimit(text);
      if (limit !== undefined) return limit;
      throw new StagecoachError(
        "INVALID_ARGUMENT",
        `--goodput is ${JSON.stringify(text)}: give ttft, tpot, itl or e2el and milliseconds, such as ttft:500`,
      );
    }),
  ) as ServiceLimits;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
