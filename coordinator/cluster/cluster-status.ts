import { version } from "../../common/package-root.js";
import type { ClusterStatus } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { DecodeRate } from "../../proto/gen/stagecoach/v1/DecodeRate.js";
import type { ReplicaStatus } from "../../proto/gen/stagecoach/v1/ReplicaStatus.js";
import type { WorkerStatus } from "../../proto/gen/stagecoach/v1/WorkerStatus.js";
import { besidePredictions } from "./decode-rates.js";
import type { PipelineSession } from "./pipeline-session.js";
import type { RateWindow } from "./rate-window.js";
import type { ReplicaSet } from "./replica-set.js";
import type { ServedModel } from "./served-model.js";
import { stateOf } from "./session-state.js";
import type { Member, WorkerRegistry } from "./worker-registry.js";

/** Where a status is read from. */
export interface StatusSources {
  readonly cluster: string;
  readonly model: ServedModel;
  readonly registry: WorkerRegistry;
  readonly replicas: ReplicaSet;
  readonly generated: RateWindow;
  readonly prompted: RateWindow;
  /** "on", or why events are off. */
  readonly events: () => string;
  readonly startedAtMs: number;
}

/** Everything an operator may ask of the cluster, as of now. */
export function clusterStatus(sources: StatusSources, nowMs: number = Date.now()): ClusterStatus {
  const { cluster, model, registry, replicas, generated, prompted, events, startedAtMs } = sources;
  const { state, counts, pipelines } = replicas;
  return {
    cluster,
    version,
    epoch: replicas.epoch,
    state: state.name,
    stateDetail: state.detail,
    model: model.manifest.model,
    variant: model.variant,
    workers: registry.members().map((member) => workerStatus(member, replicas, nowMs)),
    requestsRunning: counts.running,
    requestsWaiting: counts.waiting,
    blocksUsed: counts.blocksUsed,
    blocksTotal: counts.blocksTotal,
    generationTokensPerSecond: generated.perSecond(nowMs),
    promptTokensPerSecond: prompted.perSecond(nowMs),
    events: events(),
    uptimeSeconds: (nowMs - startedAtMs) / 1000,
    laneCount: pipelines[0]?.plan?.laneCount ?? 0,
    replicas: pipelines.map(replicaStatus),
    decodeRates: decodeRates(replicas),
    lanes: replicas.lanes.map(({ decodeRows, prefillTokens, replica = 0 }) => ({
      decodeRows,
      prefillTokens,
      replica,
    })),
    inFlightMs: replicas.totalInFlightMs,
    blocksCached: counts.blocksCached,
    prefixQueries: counts.prefixQueries,
    prefixHits: counts.prefixHits,
  };
}

function replicaStatus({ replica, epoch, state, opened, plan }: PipelineSession): ReplicaStatus {
  const { name, detail } = stateOf(state);
  const snapshot = opened?.scheduler.snapshot();
  return {
    replica,
    epoch,
    state: name,
    stateDetail: detail,
    requestsRunning: snapshot?.running ?? 0,
    requestsWaiting: snapshot?.waiting ?? 0,
    blocksUsed: snapshot?.blocksUsed ?? 0,
    blocksTotal: snapshot?.blocksTotal ?? 0,
    laneCount: plan?.laneCount ?? 0,
    blockSize: opened?.blockSize ?? 0,
  };
}

function decodeRates(replicas: ReplicaSet): DecodeRate[] {
  const predictions = replicas.pipelines.some(({ plan }) => plan !== undefined)
    ? replicas.planWith({}).predictions
    : [];
  return besidePredictions(predictions, replicas.rates.achieved()).map(
    ({ concurrency, predicted, achieved }) => ({
      concurrency,
      ...(predicted !== undefined && { predictedTokensPerSecond: predicted }),
      ...(achieved !== undefined && { achievedTokensPerSecond: achieved.tokensPerSecond }),
      achievedSeconds: achieved?.seconds ?? 0,
    }),
  );
}

function workerStatus(member: Member, replicas: ReplicaSet, nowMs: number): WorkerStatus {
  const { hello, stage, shares } = member;
  const { busy, waitIn, waitOut, send, bubble } = shares.current();
  return {
    workerId: hello.workerId,
    incarnation: hello.incarnation,
    address: hello.address,
    device: hello.device,
    threads: hello.threads,
    ...replicas.placeOf(hello.workerId),
    stage: stage ?? null,
    freeMemoryBytes: member.freeMemoryBytes,
    residentBytes: member.residentBytes,
    processId: hello.processId,
    lastHeartbeatAgeMs: nowMs - member.lastHeartbeatAtMs,
    busyShare: busy,
    waitInShare: waitIn,
    waitOutShare: waitOut,
    sendShare: send,
    bubbleShare: bubble,
  };
}
