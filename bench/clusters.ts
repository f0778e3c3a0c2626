import type { BenchTarget } from "./load-runner.js";

/** A time of `alphaMs + betaMs * rows` of a simulated device. */
export interface SimulatedTime {
  readonly alphaMs: number;
  readonly betaMs: number;
}

/** A cluster that a benchmark wants for a while. */
export interface ClusterSpec {
  /** Unique among those that run at once; letters, digits and hyphens. */
  readonly name: string;
  readonly stages: number;
  /** A stage. */
  readonly threads: number;
  /** Defaults to the program's own. */
  readonly batching?: "static";
  readonly maxNumSeqs?: number;
  readonly maxContext?: number;
  /** Absent: the real engine. */
  readonly simulation?: {
    readonly layerDecode: SimulatedTime;
    readonly layerPrefill: SimulatedTime;
    readonly embedding: SimulatedTime;
    readonly head: SimulatedTime;
  };
}

/** How benchmarks come by clusters: all of `specs` run while `body` does. */
export type WithClusters = <Result>(
  specs: readonly ClusterSpec[],
  body: (targets: readonly BenchTarget[]) => Promise<Result>,
) => Promise<Result>;
