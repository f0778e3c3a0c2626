import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { type BenchTarget, clusterRunner, type LoadRunner } from "../../bench/load-runner.js";
import { openYardstick, type YardstickSize } from "../../bench/yardstick.js";
import { StagecoachError } from "../../common/errors.js";
import { withClient } from "../client.js";
import { homeOf, readGivenSettings, readSettings } from "../setting-options.js";
import { withTemporaryCluster } from "../up/temporary-cluster.js";
import { upSettings } from "../up/up-settings.js";
import { targetOf, yardstickFor } from "./bench-target.js";
import type { SingleFlags } from "./single-flags.js";
import { knowsStaticBatching } from "./temporary-clusters.js";

type Runners = readonly [LoadRunner, ...LoadRunner[]];

/** What to run workloads on. */
export interface RunnerOptions {
  readonly command: Command;
  readonly flags: SingleFlags;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/** The cluster under measurement, named by --grpc or started for as long as `body` runs. */
export async function withTarget(
  { command, signal }: RunnerOptions,
  body: (target: BenchTarget) => Promise<void>,
): Promise<void> {
  const { grpc } = readGivenSettings(command, ["grpc"]);
  if (grpc !== undefined) {
    await withClient(grpc, async (client) => body(await targetOf(client)));
    return;
  }
  await withTemporaryCluster(
    homeOf(command),
    readSettings(command, upSettings, temporary),
    signal,
    (cluster) => withClient(cluster.grpc, async (client) => body(await targetOf(client, cluster.http))),
  );
}

/**
 * The target's runner and, as --compare asks, one with static batching and the yardstick.
 * @throws StagecoachError FAILED_PRECONDITION for a comparison that cannot be had
 */
export async function withRunners(
  options: RunnerOptions,
  target: BenchTarget,
  size: YardstickSize,
  body: (runners: Runners) => Promise<void>,
): Promise<void> {
  const { flags, signal } = options;
  const ours = clusterRunner("stagecoach", target, signal);
  await withStatic(options, async (statics) => {
    const present: Runners = statics === undefined ? [ours] : [ours, statics];
    if (!flags.compare?.includes("llama.cpp")) return await body(present);
    const llama = await openLlama(options, target, size);
    try {
      await body([...present, llama]);
    } finally {
      await llama.close();
    }
  });
}

const temporary = { http: "127.0.0.1:0", grpc: "127.0.0.1:0", nats: "off" } as const;

async function withStatic(
  { command, flags, signal }: RunnerOptions,
  body: (runner: LoadRunner | undefined) => Promise<void>,
): Promise<void> {
  if (!flags.compare?.includes("static")) return await body(undefined);
  if (!knowsStaticBatching() || readGivenSettings(command, ["grpc"]).grpc !== undefined) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      knowsStaticBatching()
        ? "--compare static starts a second cluster like the first one: leave --grpc out"
        : "this version has no static batching to compare with: leave --compare static out",
    );
  }
  const home = homeOf(command);
  const state = join(home.state, "bench", "static-batching");
  const values = readSettings(command, upSettings, { ...temporary, batching: "static" });
  await withTemporaryCluster({ ...home, state }, values, signal, ({ grpc }) =>
    withClient(grpc, async (client) =>
      body(clusterRunner("static batching", await targetOf(client), signal)),
    ),
  );
}

async function openLlama(
  { command, flags, signal, onProgress }: RunnerOptions,
  target: BenchTarget,
  size: YardstickSize,
) {
  const { model, workers } = await target.status();
  const stageThreads = workers
    .filter((worker) => worker.stageIndex !== undefined)
    .reduce((sum, worker) => sum + worker.threads, 0);
  const yardstick = await yardstickFor(homeOf(command), model, {
    threads: flags.compareThreads ?? Math.min(stageThreads, availableParallelism()),
    format: flags.compareFormat,
  });
  return await openYardstick(yardstick, size, signal, onProgress);
}
