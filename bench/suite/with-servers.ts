import { StagecoachError } from "../../common/errors.js";
import type { ClusterSpec } from "../clusters.js";
import { type BenchTarget, clusterRunner, type LoadRunner } from "../load-runner.js";
import type { YardstickSize } from "../yardstick.js";
import { type SuiteContext, staticStages, twoStages } from "./scenario.js";

/** The servers that most scenarios compare. */
export interface Servers {
  readonly target: BenchTarget;
  /** Two stages of one thread, continuous batching. */
  readonly ours: LoadRunner;
  readonly llama: LoadRunner;
  /** `ours`, static batching where there is any, then the yardstick. */
  readonly all: readonly LoadRunner[];
}

/** Runs two stages, static batching and the yardstick side by side; one that has nothing to do takes no time. */
export function withServers<Result>(
  context: SuiteContext,
  size: YardstickSize,
  body: (servers: Servers) => Promise<Result>,
): Promise<Result> {
  const maxNumSeqs = Math.max(32, size.sequences);
  const specs = [twoStages, ...(context.staticBatching ? [staticStages] : [])];
  return context.withClusters(
    specs.map((spec) => ({ ...spec, maxNumSeqs })),
    async ([target = never(), statics]) => {
      const { model } = await target.status();
      return await context.withYardstick(model, size, (llama) => {
        const ours = clusterRunner("two stages", target, context.signal);
        const others =
          statics === undefined ? [] : [clusterRunner("static batching", statics, context.signal)];
        return body({ target, ours, llama, all: [ours, ...others, llama] });
      });
    },
  );
}

/** Runs one cluster. */
export function withCluster<Result>(
  context: SuiteContext,
  spec: ClusterSpec,
  body: (target: BenchTarget) => Promise<Result>,
): Promise<Result> {
  return context.withClusters([spec], ([target = never()]) => body(target));
}

/** Runs two clusters side by side. */
export function withTwoClusters<Result>(
  context: SuiteContext,
  specs: readonly [ClusterSpec, ClusterSpec],
  body: (first: BenchTarget, second: BenchTarget) => Promise<Result>,
): Promise<Result> {
  return context.withClusters(specs, ([first = never(), second = never()]) => body(first, second));
}

function never(): never {
  throw new StagecoachError("INTERNAL", "a cluster that was asked for is missing");
}
