import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import { renderBench } from "../bench/render-bench.js";
import { type BenchOptions, type BenchTarget, runBench, type YardstickOptions } from "../bench/run-bench.js";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import type { Home } from "../common/home.js";
import { readSourceRecord } from "../model/store/source-record.js";
import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { ListModelsReply__Output } from "../proto/gen/stagecoach/v1/ListModelsReply.js";
import { type Client, unary, withClient } from "./client.js";
import { printJson } from "./json.js";
import { askedToEnd } from "./serve.js";
import { addSettings, homeOf, readGivenSettings, readSettings } from "./setting-options.js";
import { withTemporaryCluster } from "./up/temporary-cluster.js";
import { upSettings } from "./up/up-settings.js";

const benchSettings = [
  "home",
  "grpc",
  "model",
  "variant",
  "activationDtype",
  "hops",
  "stages",
  "threads",
  "device",
  "maxNumSeqs",
  "maxBatchTokens",
] as const satisfies readonly SettingName[];

interface Flags {
  readonly requests: number;
  readonly concurrency: number;
  readonly requestRate?: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly warmUp: number;
  readonly rounds: number;
  readonly compare?: "llama.cpp";
  readonly compareFormat: YardstickOptions["format"];
  readonly compareThreads?: number;
  readonly json: boolean;
  readonly markdown: boolean;
}

export function register(program: Command): void {
  const command = program
    .command("bench")
    .description(
      "measure throughput and latency, on a cluster named by --grpc or on one that lasts as long as the run",
    )
    .option("--requests <N>", "requests a round", positive, 16)
    .option("--concurrency <N>", "requests in flight at most", positive, 16)
    .option("--request-rate <R>", "arrivals a second, Poisson (default: all at once)", positiveNumber)
    .option("--prompt-tokens <N>", "tokens of each prompt, random ones", positive, 128)
    .option("--output-tokens <N>", "tokens generated a request", positive, 64)
    .option("--warm-up <N>", "requests before each round that do not count", positive, 4)
    .option("--rounds <N>", "rounds; the medians are reported", positive, 3)
    .addOption(
      new Option("--compare <YARDSTICK>", "run the same requests there, in turn with ours").choices([
        "llama.cpp",
      ]),
    )
    .addOption(
      new Option("--compare-format <FORMAT>", "the yardstick's weights: the model's file, or made from it")
        .choices(["as-is", "q8_0"])
        .default("q8_0"),
    )
    .option(
      "--compare-threads <N>",
      "the yardstick's threads (default: those of all stages together)",
      positive,
    )
    .option("--json", "print JSON", false)
    .option("--markdown", "print Markdown", false);
  addSettings(command, benchSettings)
    .addHelpText(
      "after",
      `
Examples:
  $ stagecoach bench --stages 2 --threads 1
  $ stagecoach bench --stages 2 --threads 1 --concurrency 1 --requests 3 --compare llama.cpp
  $ stagecoach bench --grpc 10.0.0.1:7070 --requests 200 --concurrency 64 --request-rate 10
`,
    )
    .action((flags: Flags) => bench(command, flags));
}

async function bench(command: Command, flags: Flags): Promise<void> {
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  const { signal } = ended;
  const { grpc } = readGivenSettings(command, ["grpc"]);
  const home = homeOf(command);
  if (grpc !== undefined) return await withClient(grpc, (client) => measure(client, home, flags, signal));
  const values = readSettings(command, upSettings, { http: "127.0.0.1:0", grpc: "127.0.0.1:0", nats: "off" });
  await withTemporaryCluster(home, values, signal, (address) =>
    withClient(address, (client) => measure(client, home, flags, signal)),
  );
}

async function measure(client: Client, home: Home, flags: Flags, signal: AbortSignal): Promise<void> {
  const status = (): Promise<ClusterStatus__Output> =>
    unary(client, (options, done) => client.cluster.status({}, options, done));
  const [model] = (
    await unary<ListModelsReply__Output>(client, (options, done) =>
      client.inference.listModels({}, options, done),
    )
  ).models;
  if (model === undefined)
    throw new StagecoachError(
      "UNAVAILABLE",
      "the cluster serves no model yet: wait for `stagecoach status` to say SERVING",
    );
  const target: BenchTarget = { client: client.inference, vocabularySize: model.vocabularySize, status };
  const { compare, compareFormat, compareThreads, requestRate, json, markdown, ...sizes } = flags;
  const options: BenchOptions = {
    ...sizes,
    ...(requestRate !== undefined && { requestRate }),
    ...(compare !== undefined && { yardstick: await yardstick(home, flags, await status()) }),
    signal,
    onProgress: (line) => process.stderr.write(`${line}\n`),
  };
  const result = await runBench(target, options);
  if (json) printJson({ options: { ...sizes, requestRate, compare, compareFormat }, ...result });
  else process.stdout.write(`${renderBench(result, markdown ? "markdown" : "terminal")}\n`);
}

async function yardstick(home: Home, flags: Flags, status: ClusterStatus__Output): Promise<YardstickOptions> {
  const record = await readSourceRecord(home, status.model);
  if (record === undefined) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `the file that ${status.model} was packed from is not known in ${home.root}: pull it here, then compare`,
    );
  }
  const stageThreads = status.workers
    .filter((worker) => worker.stageIndex !== undefined)
    .reduce((sum, worker) => sum + worker.threads, 0);
  return {
    ggufPath: record.path,
    threads: flags.compareThreads ?? Math.min(stageThreads, availableParallelism()),
    format: flags.compareFormat,
    cacheFolder: join(home.state, "bench"),
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= 1_000_000) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no whole number from 1 to 1000000.`);
}

function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1_000_000) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no number above 0, up to 1000000.`);
}
