import { join } from "node:path";
import type { BenchTarget } from "../../bench/load-runner.js";
import type { YardstickOptions } from "../../bench/yardstick.js";
import { StagecoachError } from "../../common/errors.js";
import type { Home } from "../../common/home.js";
import { readSourceRecord } from "../../model/store/source-record.js";
import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { ListModelsReply__Output } from "../../proto/gen/stagecoach/v1/ListModelsReply.js";
import { type Client, unary } from "../client.js";

/**
 * A cluster to measure.
 * @param http `host:port` of its HTTP interface, where known
 * @throws StagecoachError UNAVAILABLE when it serves no model
 */
export async function targetOf(client: Client, http?: string): Promise<BenchTarget> {
  const { models } = await unary<ListModelsReply__Output>(client, (options, done) =>
    client.inference.listModels({}, options, done),
  );
  const [model] = models;
  if (model === undefined) {
    throw new StagecoachError(
      "UNAVAILABLE",
      "the cluster serves no model yet: wait for `stagecoach status` to say SERVING",
    );
  }
  return {
    client: client.inference,
    vocabularySize: model.vocabularySize,
    status: () =>
      unary<ClusterStatus__Output>(client, (options, done) => client.cluster.status({}, options, done)),
    ...(http !== undefined && { httpAddress: http, metrics: () => readMetrics(http) }),
  };
}

/**
 * The yardstick for the model that a cluster serves.
 * @throws StagecoachError FAILED_PRECONDITION when the file that it was packed from is not known here
 */
export async function yardstickFor(
  home: Home,
  model: string,
  { threads, format }: Pick<YardstickOptions, "threads" | "format">,
): Promise<YardstickOptions> {
  const record = await readSourceRecord(home, model);
  if (record === undefined) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `the file that ${model} was packed from is not known in ${home.root}: pull it here, then compare`,
    );
  }
  return { ggufPath: record.path, threads, format, cacheFolder: join(home.state, "bench") };
}

const metricsTimeoutMs = 5_000;

async function readMetrics(http: string): Promise<string> {
  const reply = await fetch(`http://${http}/metrics`, { signal: AbortSignal.timeout(metricsTimeoutMs) });
  return await reply.text();
}
