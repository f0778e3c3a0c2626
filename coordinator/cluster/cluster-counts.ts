import type { LaneOccupancy } from "../scheduler/types.js";
import type { PipelineSession } from "./pipeline-session.js";

/** Requests and blocks of all pipelines together. */
export interface ClusterCounts {
  readonly running: number;
  readonly waiting: number;
  readonly blocksUsed: number;
  readonly blocksTotal: number;
  readonly blocksCached: number;
  readonly preemptions: number;
  readonly prefixQueries: number;
  readonly prefixHits: number;
}

/** What a lane has under way; `replica` only where there are several. */
export type ClusterLane = LaneOccupancy & { readonly lane: number; readonly replica?: number };

/** The stage that a worker holds or loads; `replica` only where there are several. */
export interface WorkerPlace {
  readonly stageIndex: number;
  readonly replica?: number;
}

const nothing: ClusterCounts = {
  running: 0,
  waiting: 0,
  blocksUsed: 0,
  blocksTotal: 0,
  blocksCached: 0,
  preemptions: 0,
  prefixQueries: 0,
  prefixHits: 0,
};
const countNames = Object.keys(nothing) as (keyof ClusterCounts)[];

/** Added up over the pipelines that are open. */
export function countsOf(pipelines: readonly PipelineSession[]): ClusterCounts {
  const sum: { -readonly [name in keyof ClusterCounts]: number } = { ...nothing };
  for (const { opened } of pipelines) {
    if (opened === undefined) continue;
    const snapshot = opened.scheduler.snapshot();
    for (const name of countNames) sum[name] += snapshot[name];
  }
  return sum;
}

/** Every lane of every open pipeline. */
export function lanesOf(pipelines: readonly PipelineSession[]): ClusterLane[] {
  return pipelines.flatMap(({ opened, replica }) =>
    (opened?.scheduler.snapshot().lanes ?? []).map((occupancy, lane) => ({
      ...occupancy,
      lane,
      ...(pipelines.length > 1 && { replica }),
    })),
  );
}

/** Where a worker computes; undefined for one that has no stage. */
export function placeIn(pipelines: readonly PipelineSession[], workerId: string): WorkerPlace | undefined {
  for (const pipeline of pipelines) {
    const stageIndex = pipeline.stageOf(workerId);
    if (stageIndex < 0) continue;
    return { stageIndex, ...(pipelines.length > 1 && { replica: pipeline.replica }) };
  }
  return undefined;
}

/** How long the pipeline that a worker belongs to had work under way; 0 for one that has no stage. */
export function inFlightMsOf(pipelines: readonly PipelineSession[], workerId: string): number {
  const place = placeIn(pipelines, workerId);
  return place === undefined ? 0 : (pipelines[place.replica ?? 0]?.activity.totalMs() ?? 0);
}

/** As inFlightMsOf, of all pipelines added up. */
export function totalInFlightMs(pipelines: readonly PipelineSession[]): number {
  return pipelines.reduce((sum, { activity }) => sum + activity.totalMs(), 0);
}
