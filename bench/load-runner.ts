import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { InferenceClient } from "../proto/gen/stagecoach/v1/Inference.js";
import { grpcSource } from "./grpc-source.js";
import { generateLoad } from "./load-generator.js";
import type { RequestTimes } from "./statistics.js";
import type { WorkloadRequest } from "./workload.js";

/** A workload and how many of its requests may be in flight. */
export interface LoadRun {
  readonly workload: readonly WorkloadRequest[];
  readonly concurrency: number;
}

/** What workloads can be run on: a cluster of ours or the yardstick. */
export interface LoadRunner {
  /** Heads its column. */
  readonly name: string;
  run(run: LoadRun): Promise<RequestTimes[]>;
}

/** A cluster under measurement. */
export interface BenchTarget {
  readonly client: InferenceClient;
  readonly vocabularySize: number;
  readonly status: () => Promise<ClusterStatus__Output>;
  /** `host:port` of the coordinator's HTTP interface, where known. */
  readonly httpAddress?: string;
  /** The coordinator's Prometheus text; absent where its HTTP address is not known. */
  readonly metrics?: () => Promise<string>;
}

/** Runs workloads on a cluster over gRPC. */
export function clusterRunner(name: string, target: BenchTarget, signal: AbortSignal): LoadRunner {
  return {
    name,
    run: ({ workload, concurrency }) =>
      generateLoad(workload, grpcSource(target.client), { concurrency, signal }),
  };
}
