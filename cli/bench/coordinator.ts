import { type Command, Option } from "commander";
import { type CoordinatorLoad, loadCoordinator } from "../../bench/coordinator-load.js";
import { grpcSource } from "../../bench/grpc-source.js";
import { httpSource } from "../../bench/http-source.js";
import { markdownTable } from "../../bench/markdown-table.js";
import type { SettingName } from "../../common/config.js";
import { dialable } from "../client.js";
import { printJson } from "../json.js";
import { askedToEnd } from "../serve.js";
import { addSettings } from "../setting-options.js";
import { positiveInteger, positiveNumber } from "./number-options.js";
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
  readonly front: "grpc" | "http";
  /** Absent: none. */
  readonly stepMs?: number;
  readonly json: boolean;
}

const instant = { alphaMs: 0, betaMs: 0 } as const;

/** `bench coordinator`. */
export function registerCoordinator(bench: Command): void {
  const command = bench
    .command("coordinator")
    .description("load a real coordinator whose workers are simulated, and tell what its processor did")
    .option("--stages <N>", "simulated stages", positiveInteger, 1)
    .option("--requests <N>", "requests at once", positiveInteger, 256)
    .option("--prompt-tokens <N>", "tokens of each prompt", positiveInteger, 16)
    .option("--output-tokens <N>", "tokens generated a request", positiveInteger, 128)
    .addOption(
      new Option("--front <FRONT>", "the way in, HTTP with streamed replies")
        .choices(["grpc", "http"])
        .default("grpc"),
    )
    .option("--step-ms <N>", "what the last stage takes for a micro-batch (default: no time)", positiveNumber)
    .option("--json", "print JSON", false);
  addSettings(command, coordinatorBenchSettings)
    .addHelpText(
      "after",
      "\nExamples:\n  $ stagecoach bench coordinator --requests 512 --front http --step-ms 25\n",
    )
    .action((flags: CoordinatorFlags) => benchCoordinator(command, flags));
}

async function benchCoordinator(command: Command, flags: CoordinatorFlags): Promise<void> {
  const { stages, requests, promptTokens, outputTokens, front, stepMs = 0, json } = flags;
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  const { signal } = ended;
  const spec = {
    name: "coordinator",
    stages,
    threads: 1,
    maxNumSeqs: Math.min(4096, requests),
    maxContext: promptTokens + outputTokens + 16,
    simulation: {
      layerDecode: instant,
      layerPrefill: instant,
      embedding: instant,
      head: { alphaMs: stepMs, betaMs: 0 },
    },
  };
  const load = await temporaryClusters(command, signal)([spec], async ([target]) => {
    if (target?.httpAddress === undefined) throw new RangeError("no cluster was started");
    const source = front === "http" ? httpSource(dialable(target.httpAddress)) : grpcSource(target.client);
    return await loadCoordinator(target, { requests, promptTokens, outputTokens, source, signal });
  });
  if (json) printJson({ stages, requests, promptTokens, outputTokens, front, stepMs, ...load });
  else process.stdout.write(`${render(load)}\n`);
}

function render({ summary, ...load }: CoordinatorLoad): string {
  return markdownTable(
    ["figure", "value"],
    [
      ["output tok/s", summary.outputTokensPerSecond.toFixed(0)],
      ["coordinator's cores", load.coordinatorCores.toFixed(2)],
      ["its event loop, µs a token", load.eventLoopUsPerToken.toFixed(1)],
      ["this client's cores", load.clientCores.toFixed(2)],
      ["tok/s of one core of the coordinator, sockets included", load.tokensPerCoreSecond.toFixed(0)],
      ["time between tokens p50 ms", summary.interTokenMs.p50.toFixed(1)],
      ["time to first token p50 ms", summary.timeToFirstTokenMs.p50.toFixed(0)],
    ],
  );
}
