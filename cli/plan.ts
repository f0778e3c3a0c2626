import type { Command } from "commander";
import type { SettingName } from "../common/config.js";
import { StagecoachError } from "../common/errors.js";
import { type PlanContext, planToJson, renderPlan } from "../coordinator/planner/render-plan.js";
import type { Plan, ReplicatedPlan } from "../coordinator/planner/types.js";
import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { DecodeRate__Output } from "../proto/gen/stagecoach/v1/DecodeRate.js";
import type { PlanReply__Output } from "../proto/gen/stagecoach/v1/PlanReply.js";
import { coordinatorAddress, unary, withClient } from "./client.js";
import { printJson } from "./json.js";
import { planFromFile } from "./plan-from-file.js";
import { addSettings, homeOf, readGivenSettings, readSettings } from "./setting-options.js";

const planSettings = ["home", "grpc", "model", "variant", "stages"] as const satisfies readonly SettingName[];

interface PlanOptions {
  json: boolean;
  workers?: string;
  manifest?: string;
}

export function register(program: Command): void {
  const command = program
    .command("plan")
    .description("show how the model is cut over the workers, and what that should reach")
    .option("--json", "print JSON", false)
    .option("--workers <FILE>", "plan for the workers that a JSON file describes, without any cluster")
    .option("--manifest <FILE>", "with --workers: a model's manifest, instead of --model from the store");
  addSettings(command, planSettings)
    .addHelpText(
      "after",
      `
A file of workers holds what was measured of them, times as {"alphaMs", "betaMs"} a row:
  {"workers": [{"workerId": "a", "device": "cpu", "layerDecode": …, "layerPrefill": …, "embedding": …,
    "head": …, "freeMemoryBytes": 8e9}], "links": [{"from": "a", "to": "b", "roundTripMs": 0.3,
    "bytesPerSecond": 1e9}], "concurrency": 16, "kvTokens": 16384}

Examples:
  $ stagecoach plan
  $ stagecoach plan --stages 3 --json
  $ stagecoach plan --workers rack.json --model smollm2-135m-instruct
`,
    )
    .action(async (options: PlanOptions) => {
      const { plan, context } =
        options.workers === undefined ? await askCoordinator(command) : await planAlone(command, options);
      if (options.json) printJson({ ...planToJson(plan), ...achievedFor(context) });
      else process.stdout.write(`${renderPlan(plan, context)}\n`);
    });
}

/** Only of a cluster that runs the plan. */
function achievedFor({ achieved }: PlanContext): Pick<PlanContext, "achieved"> {
  return achieved === undefined ? {} : { achieved };
}

/** A plan and what the table says beside it. */
interface Answer {
  readonly plan: Plan | ReplicatedPlan;
  readonly context: PlanContext;
}

async function askCoordinator(command: Command): Promise<Answer> {
  const { grpc, stages = 0 } = readGivenSettings(command, ["grpc", "stages"]);
  const address = await coordinatorAddress(homeOf(command), grpc);
  return await withClient(address, async (client) => {
    const { cluster } = client;
    const reply = await unary<PlanReply__Output>(client, (options, done) =>
      cluster.plan({ stages }, options, done),
    );
    const { model, variant, decodeRates } = await unary<ClusterStatus__Output>(client, (options, done) =>
      cluster.status({}, options, done),
    );
    // Both ends are of one version: what the planner wrote is what is read.
    const plan = JSON.parse(reply.planJson.toString("utf8")) as Plan | ReplicatedPlan;
    // What the running plan achieves says nothing about another one.
    return { plan, context: { model, variant, achieved: stages === 0 ? achievedOf(decodeRates) : [] } };
  });
}

function achievedOf(rates: readonly DecodeRate__Output[]) {
  return rates.flatMap(({ concurrency, achievedTokensPerSecond: tokensPerSecond }) =>
    tokensPerSecond === undefined ? [] : [{ concurrency, tokensPerSecond }],
  );
}

async function planAlone(command: Command, { workers = "", manifest }: PlanOptions): Promise<Answer> {
  const { model, variant, stages } = readSettings(command, planSettings);
  if (manifest !== undefined && readGivenSettings(command, ["model"]).model !== undefined) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      "--manifest and --model both name a model: give one of them",
    );
  }
  return await planFromFile({
    home: homeOf(command),
    workersPath: workers,
    model:
      manifest === undefined
        ? { kind: "stored", name: model, variant }
        : { kind: "manifest", path: manifest },
    stages,
  });
}
