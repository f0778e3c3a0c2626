import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, Option } from "commander";
import { figureTable, type SuiteFacts, suiteMarkdown } from "../../bench/suite/render-suite.js";
import { runSuite, scenarios } from "../../bench/suite/run-suite.js";
import type { ScenarioResult, SuiteContext } from "../../bench/suite/scenario.js";
import { openYardstick } from "../../bench/yardstick.js";
import type { SettingName } from "../../common/config.js";
import { version } from "../../common/package-root.js";
import { printJson } from "../json.js";
import { askedToEnd } from "../serve.js";
import { addSettings, homeOf, readSettings } from "../setting-options.js";
import { yardstickFor } from "./bench-target.js";
import { positiveInteger, positiveNumber } from "./number-options.js";
import { knowsStaticBatching, temporaryClusters } from "./temporary-clusters.js";

const suiteSettings = [
  "home",
  "model",
  "variant",
  "maxBatchTokens",
] as const satisfies readonly SettingName[];

/** What the suite needs to know. */
interface SuiteFlags {
  readonly only?: readonly string[];
  readonly rounds: number;
  readonly scale?: number;
  readonly output?: string;
  readonly json: boolean;
}

/** Threads of the yardstick: as many as the stages have together. */
const yardstickThreads = 2;

/** `bench suite`. */
export function registerSuite(bench: Command): void {
  const names = scenarios.map(({ name }) => name);
  const command = bench
    .command("suite")
    .description("run every comparison on clusters of its own and say which figures were reached")
    .addOption(new Option("--only <NAME...>", "only these comparisons").choices(names))
    .option("--rounds <N>", "rounds, in turn with the yardstick; the medians count", positiveInteger, 3)
    .option(
      "--scale <F>",
      "lengths times this, below 1 for a quick try whose verdicts mean nothing",
      positiveNumber,
      1,
    )
    .option("--output <DIR>", "write suite.md and suite.json there, after every comparison")
    .option("--json", "print JSON", false);
  addSettings(command, suiteSettings)
    .addHelpText(
      "after",
      `
Leave the machine alone meanwhile: a busy neighbour ruins the yardstick's figures.

Examples:
  $ stagecoach bench suite --output results
  $ stagecoach bench suite --only at-once-16 one-request --rounds 5
`,
    )
    .action((flags: SuiteFlags) => runWholeSuite(command, flags));
}

/** Runs the suite for `bench suite` and `bench --suite`. */
export async function runWholeSuite(command: Command, flags: SuiteFlags): Promise<void> {
  const ended = new AbortController();
  void askedToEnd().then(() => ended.abort());
  const context = contextOf(command, flags, ended.signal);
  const chosen = scenarios.filter(({ name }) => flags.only === undefined || flags.only.includes(name));
  const facts = factsOf(command, context);
  const finished: ScenarioResult[] = [];
  const results = await runSuite(chosen, context, async (result) => {
    finished.push(result);
    if (flags.output !== undefined) await writeReport(flags.output, finished, facts);
  });
  if (flags.json) printJson({ ...facts, results });
  else
    process.stdout.write(
      `${flags.output === undefined ? suiteMarkdown(results, facts) : figureTable(results)}\n`,
    );
}

function contextOf(command: Command, { rounds, scale = 1 }: SuiteFlags, signal: AbortSignal): SuiteContext {
  const onProgress = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  return {
    withClusters: temporaryClusters(command, signal),
    withYardstick: async (model, size, body) => {
      const threads = Math.min(yardstickThreads, availableParallelism());
      const options = await yardstickFor(homeOf(command), model, { threads, format: "q8_0" });
      const llama = await openYardstick(options, size, signal, onProgress);
      try {
        return await body(llama);
      } finally {
        await llama.close();
      }
    },
    staticBatching: knowsStaticBatching(),
    rounds,
    scale,
    signal,
    onProgress,
  };
}

function factsOf(command: Command, { rounds, scale }: SuiteContext): SuiteFacts {
  const { model, variant } = readSettings(command, ["model", "variant"]);
  return {
    version,
    model,
    variant,
    rounds,
    scale,
    startedAt: new Date().toISOString(),
    command: `stagecoach ${process.argv.slice(2).join(" ")}`,
  };
}

/** Both files hold what is finished so far, so that an interrupted run is not lost. */
async function writeReport(
  folder: string,
  results: readonly ScenarioResult[],
  facts: SuiteFacts,
): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "suite.md"), suiteMarkdown(results, facts));
  await writeFile(join(folder, "suite.json"), `${JSON.stringify({ ...facts, results }, undefined, 2)}\n`);
}
