import type { Command } from "commander";
import { type CoordinatorLoad, loadCoordinator } from "../../bench/coordinator-load.js";
import { markdownTable } from "../../bench/markdown-table.js";
import type { SettingName } from "../../common/config.js";
import { printJson } from "../json.js";
import { askedToEnd } from "../serve.js";
import { addSettings } from "../setting-options.js";
import { positiveInteger } from "./number-options.js";
import { temporaryClusters } from "./temporary-clusters.js";

const coordinatorBenchSettings = [
  "home",
  "model",
  "variant",
  "maxBatchTokens",
] as const satisfies readonly SettingName[];

interface CoordinatorFlags {
  readonly stages: number;
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly json: boolean;
}

const instant = { alphaMs: 0, betaMs: 0 } as const;

/** `bench coordinator`. */
export function registerCoordinator(bench: Command): void {
  const command = bench
    .command("coordinator")
    .description("load a real coordinator whose workers take no time, and tell what its processor did")
    .option("--stages <N>", "simulated stages", positiveInteger, 1)
    .option("--requests <N>", "requests at once", positiveInteger, 256)
    .option("--prompt-tokens <N>", "tokens of each prompt", positiveInteger, 16)
    .option("--output-tokens <N>", "tokens generated a request", positiveInteger, 128)
    .option("--json", "print JSON", false);
  addSettings(command, coordinatorBenchSettings)
    .addHelpText("after", "\nExamples:\n  $ stagecoach bench coordinator --requests 512\n")
    .action((flags: CoordinatorFlags) => benchCoordinator(command, flags));
}

async function benchCoordinator(
  command: Command,
  { stages, requests, promptTokens, outputTokens, json }: CoordinatorFlags,
): Promise<void> {
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  const { signal } = ended;
  const spec = {
    name: "coordinator",
    stages,
    threads: 1,
    maxNumSeqs: Math.min(4096, requests),
    maxContext: promptTokens + outputTokens + 16,
    simulation: { layerDecode: instant, layerPrefill: instant, embedding: instant, head: instant },
  };
  const load = await temporaryClusters(command, signal)([spec], async ([target]) => {
    if (target === undefined) throw new RangeError("no cluster was started");
    return await loadCoordinator(target, { requests, promptTokens, outputTokens, signal });
  });
  if (json) printJson({ stages, requests, promptTokens, outputTokens, ...load });
  else process.stdout.write(`${render(load)}\n`);
}

function render({ summary, coordinatorCores, clientCores, tokensPerCoreSecond }: CoordinatorLoad): string {
  return markdownTable(
    ["figure", "value"],
    [
      ["output tok/s", summary.outputTokensPerSecond.toFixed(0)],
      ["coordinator's cores", coordinatorCores.toFixed(2)],
      ["this client's cores", clientCores.toFixed(2)],
      ["tok/s of one core of the coordinator, sockets included", tokensPerCoreSecond.toFixed(0)],
      ["time between tokens p50 ms", summary.interTokenMs.p50.toFixed(1)],
      ["time to first token p50 ms", summary.timeToFirstTokenMs.p50.toFixed(0)],
    ],
  );
}
