import { type Command, Option } from "commander";
import type { SettingName } from "../common/config.js";
import { registerCoordinator } from "./bench/coordinator.js";
import { integerList, positiveInteger, positiveNumber } from "./bench/number-options.js";
import { registerSimulate } from "./bench/simulate.js";
import { singleBench } from "./bench/single.js";
import type { SingleFlags } from "./bench/single-flags.js";
import { registerSoak } from "./bench/soak.js";
import { registerSuite } from "./bench/suite.js";
import { addSettings } from "./setting-options.js";

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

export function register(program: Command): void {
  // What stands after a subcommand's name is the subcommand's: several options here are theirs too.
  program.enablePositionalOptions();
  const command = program
    .command("bench")
    .description(
      "measure throughput and latency, on a cluster named by --grpc or on one that lasts as long as the run",
    )
    .enablePositionalOptions()
    .option("--requests <N>", "requests a round", positiveInteger, 16)
    .option("--concurrency <N>", "requests in flight at most (default: 16; all of a trace)", positiveInteger)
    .option(
      "--request-rate <R>",
      "arrivals a second, Poisson (default: all at once; 4 for --trace)",
      positiveNumber,
    )
    .option(
      "--prompt-tokens <N>",
      "tokens of each prompt, random ones; the mean of a drawn trace",
      positiveInteger,
      128,
    )
    .option(
      "--output-tokens <N>",
      "tokens generated a request; the mean of a drawn trace",
      positiveInteger,
      64,
    )
    .option("--warm-up <N>", "requests before each round that do not count", positiveInteger, 4)
    .option("--rounds <N>", "rounds; the medians are reported", positiveInteger, 3)
    .option(
      "--seed <N>",
      "of the prompts' tokens (default: another one each time, so that no cache of a running cluster knows them)",
      positiveInteger,
      1 + (Date.now() % 1_000_000),
    )
    .option(
      "--trace <SEED|FILE>",
      "replay arrivals and lengths: drawn from a seed, or of a file of JSON lines",
    )
    .option(
      "--burstiness <B>",
      "of a drawn trace: 1 Poisson, below in bursts, above evenly",
      positiveNumber,
      1,
    )
    .option(
      "--goodput <LIMIT...>",
      "count requests within limits in ms, such as ttft:500 itl:100 tpot:50 e2el:9000",
    )
    .option("--sweep <N,N...>", "run so many requests at once, one number after the other", integerList)
    .option("--plot <FILE>", "with --sweep: draw throughput and latency as SVG")
    .addOption(
      new Option("--compare <YARDSTICK...>", "run the same requests there, in turn with ours").choices([
        "llama.cpp",
        "static",
      ]),
    )
    .addOption(
      new Option("--compare-format <FORMAT>", "llama.cpp's weights: the model's file, or made from it")
        .choices(["as-is", "q8_0"])
        .default("q8_0"),
    )
    .option(
      "--compare-threads <N>",
      "llama.cpp's threads (default: those of all stages together)",
      positiveInteger,
    )
    .option("--suite", "the same as `bench suite` with its defaults", false)
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
  $ stagecoach bench --trace 7 --requests 100 --request-rate 2 --burstiness 0.5 --goodput ttft:500 itl:100
  $ stagecoach bench --sweep 1,2,4,8,16,32 --plot sweep.svg --compare llama.cpp static
  $ stagecoach bench suite --output results
`,
    )
    .action((flags: SingleFlags) => singleBench(command, flags));
  registerSuite(command);
  registerSimulate(command);
  registerCoordinator(command);
  registerSoak(command);
  // main.ts looks for it, wherever it stands.
  for (const each of [command, ...command.commands]) each.addOption(new Option("--verbose").hideHelp());
}
