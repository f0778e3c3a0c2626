import { fileURLToPath } from "node:url";
import { deepMedian } from "./deep-median.js";
import type { GpuBenchOptions } from "./gpu-bench-options.js";
import type { DecodeRound, EngineReport, PrefillRound, Rounds } from "./gpu-report.js";
import type { GpuSampler } from "./gpu-sampler.js";
import { jsonLines } from "./json-lines.js";

/** What the engine alone is timed with. */
export interface EnginePartContext {
  readonly options: GpuBenchOptions;
  readonly sampler: GpuSampler | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/**
 * Times the runner in a process of its own, which leaves nothing on the GPU, and tells what there is after every round.
 * @throws StagecoachError why it ended early
 */
export async function measureEngine(
  context: EnginePartContext,
  onReport: (report: EngineReport) => Promise<void>,
): Promise<void> {
  const { options, sampler, signal, onProgress } = context;
  const decodes: DecodeRound[] = [];
  const prefills: PrefillRound[] = [];
  let opened = { weightBytes: 0, seconds: 0 };
  const args = engineArgs(options);
  for await (const line of jsonLines({ name: "engine-rates", command: process.execPath, args, signal })) {
    const { kind } = line;
    if (kind === "opened") opened = line as unknown as typeof opened;
    if (kind === "decode") {
      const round = line as unknown as DecodeRound;
      const gpu = sampler?.between(round.startUnixMs, round.endUnixMs);
      decodes.push({ ...round, ...(gpu !== undefined && { gpu }) });
      onProgress(`${round.rows} rows, round ${round.round}: ${round.tokensPerSecond.toFixed(0)} tok/s`);
    }
    if (kind === "prefill") {
      const round = line as unknown as PrefillRound;
      prefills.push(round);
      onProgress(`prefill of ${round.tokens}, round ${round.round}: ${round.ms.toFixed(1)} ms`);
    }
    await onReport({
      weightBytes: opened.weightBytes,
      openSeconds: opened.seconds,
      decodes: inRounds(decodes, ({ rows }) => rows),
      prefills: inRounds(prefills, ({ tokens }) => tokens),
    });
  }
}

/** Rounds of the same thing together, in the order in which they came. */
export function inRounds<Round>(all: readonly Round[], thing: (round: Round) => unknown): Rounds<Round>[] {
  return [...new Set(all.map(thing))].map((each) => {
    const rounds = all.filter((round) => thing(round) === each) as [Round, ...Round[]];
    return { medians: deepMedian(rounds), rounds };
  });
}

function engineArgs(options: GpuBenchOptions): string[] {
  const script = fileURLToPath(new URL("./engine-rates.js", import.meta.url));
  const flags = {
    home: options.home.root,
    device: options.device,
    variant: options.variant,
    rows: options.concurrencies.join(","),
    "prompt-tokens": options.promptTokens,
    steps: options.outputTokens,
    prefill: options.prefillTokens.join(","),
    rounds: options.rounds,
    ...(options.threads !== undefined && { threads: options.threads }),
  };
  return [
    script,
    options.shape,
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`]),
  ];
}
