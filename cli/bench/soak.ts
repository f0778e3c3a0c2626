import { writeFile } from "node:fs/promises";
import type { Command } from "commander";
import { markdownTable } from "../../bench/markdown-table.js";
import { growthLimit, runSoak, type SoakResult } from "../../bench/soak/run-soak.js";
import type { SettingName } from "../../common/config.js";
import { StagecoachError } from "../../common/errors.js";
import { printJson } from "../json.js";
import { createProgressLine } from "../progress-line.js";
import { askedToEnd } from "../serve.js";
import { addSettings } from "../setting-options.js";
import { positiveInteger, positiveNumber } from "./number-options.js";
import { temporaryClusters } from "./temporary-clusters.js";

const soakSettings = [
  "home",
  "model",
  "variant",
  "maxNumSeqs",
  "maxBatchTokens",
  "maxContext",
] as const satisfies readonly SettingName[];

interface SoakFlags {
  readonly minutes: number;
  readonly stages: number;
  readonly threads: number;
  readonly concurrency: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly maxTokens: number;
  readonly output?: string;
  readonly json: boolean;
}

/** `bench soak`. */
export function registerSoak(bench: Command): void {
  const command = bench
    .command("soak")
    .description("a mixed load for a while: fails when a process's memory grows or a block is left behind")
    .option("--minutes <N>", "how long", positiveNumber, 30)
    .option("--stages <N>", "stages of the cluster", positiveInteger, 2)
    .option("--threads <N>", "threads of each stage", positiveInteger, 1)
    .option("--concurrency <N>", "requests in flight at most", positiveInteger, 24)
    .option("--prompt-tokens <N>", "mean tokens of a prompt", positiveInteger, 160)
    .option("--output-tokens <N>", "mean tokens generated a request", positiveInteger, 96)
    .option("--max-tokens <N>", "longest prompt and longest output", positiveInteger, 768)
    .option("--output <FILE>", "write every sample there, as JSON")
    .option("--json", "print JSON", false);
  addSettings(command, soakSettings)
    .addHelpText("after", "\nExamples:\n  $ stagecoach bench soak --minutes 30\n")
    .action((flags: SoakFlags) => soak(command, flags));
}

/** Short runs are looked at more often, so that both ends have samples enough. */
const mostSampleEveryMs = 5_000;
const fewestSamples = 60;

async function soak(command: Command, flags: SoakFlags): Promise<void> {
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  const { signal } = ended;
  const durationMs = flags.minutes * 60_000;
  const progress = createProgressLine();
  const spec = { name: "soak", stages: flags.stages, threads: flags.threads };
  const result = await temporaryClusters(command, signal)([spec], async ([target]) => {
    if (target === undefined) throw new RangeError("no cluster was started");
    return await runSoak(target, {
      durationMs,
      concurrency: flags.concurrency,
      meanPromptTokens: flags.promptTokens,
      meanOutputTokens: flags.outputTokens,
      maxTokens: flags.maxTokens,
      sampleEveryMs: Math.min(mostSampleEveryMs, durationMs / fewestSamples),
      signal,
      onProgress: progress.say,
    }).finally(progress.end);
  });
  if (flags.output !== undefined) await writeFile(flags.output, `${JSON.stringify(result)}\n`);
  const { samples: _, ...told } = result;
  if (flags.json) printJson(told);
  else process.stdout.write(`${render(result)}\n`);
  if (!result.passed)
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      "the soak failed: see what grew or is left behind above",
    );
}

function render({ counts, memory, leaks, passed }: SoakResult): string {
  const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1);
  return [
    markdownTable(
      ["process", "first fifth MB", "last fifth MB", "growth", "verdict"],
      memory.map(({ process, firstBytes, lastBytes, growth }) => [
        process,
        megabytes(firstBytes),
        megabytes(lastBytes),
        `${(100 * growth).toFixed(1)} %`,
        growth <= growthLimit ? "flat" : "grows",
      ]),
    ),
    "",
    `${counts.finished} requests finished, ${counts.cancelled} cancelled, ${counts.tokens} tokens`,
    leaks.length === 0 ? "no block is left behind" : `left behind: ${leaks.join(", ")}`,
    passed ? "passed" : "failed",
  ].join("\n");
}
