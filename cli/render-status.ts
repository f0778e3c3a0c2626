import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { DecodeRate__Output } from "../proto/gen/stagecoach/v1/DecodeRate.js";
import type { LaneStatus__Output } from "../proto/gen/stagecoach/v1/LaneStatus.js";
import type { ReplicaStatus__Output } from "../proto/gen/stagecoach/v1/ReplicaStatus.js";
import type { WorkerStatus__Output } from "../proto/gen/stagecoach/v1/WorkerStatus.js";
import { clock } from "./figures.js";
import { renderWorkers, type WorkerColumn, workerColumns } from "./worker-columns.js";

const columns: readonly WorkerColumn[] = [
  workerColumns.stage,
  workerColumns.worker,
  workerColumns.layers,
  workerColumns.state,
  workerColumns.busy,
  workerColumns.waitIn,
  workerColumns.bubble,
  workerColumns.waitOut,
  workerColumns.send,
  workerColumns.weights,
  workerColumns.blocks,
  workerColumns.hop,
  workerColumns.memory,
  workerColumns.device,
  workerColumns.address,
];

/** The cluster's state for people: a few lines, then a line a worker in the pipeline's order. */
export function renderStatus(status: ClusterStatus__Output): string {
  const workers = [...status.workers].sort((a, b) => replicaOf(a) - replicaOf(b) || stageOf(a) - stageOf(b));
  const lines = [
    `cluster   ${status.cluster}, stagecoach ${status.version}, up ${clock(status.uptimeSeconds)}`,
    `state     ${status.state}${status.stateDetail === "" ? "" : `: ${status.stateDetail}`}`,
    `model     ${status.model || "none"}${status.variant === "" ? "" : ` (${status.variant})`}, epoch ${status.epoch}, ${status.laneCount} lanes`,
    `requests  ${status.requestsRunning} running, ${status.requestsWaiting} waiting; ${status.generationTokensPerSecond.toFixed(1)} tok/s generated, ${status.promptTokensPerSecond.toFixed(1)} tok/s read`,
    `KV cache  ${status.blocksUsed} of ${status.blocksTotal} blocks${blockSizes(status.replicas)}`,
    `lanes     ${describeLanes(status.lanes)}`,
    `events    ${status.events}`,
  ];
  lines.push(...decodingLines(status.decodeRates));
  if (status.replicas.length > 1) lines.push(...status.replicas.map(replicaLine));
  if (workers.length > 0) {
    const shown = status.replicas.length > 1 ? [workerColumns.replica, ...columns] : columns;
    lines.push("", renderWorkers(shown, workers));
  }
  return lines.join("\n");
}

/** Replicas on unlike devices may have unlike blocks. */
function blockSizes(replicas: readonly ReplicaStatus__Output[]): string {
  const sizes = new Set(replicas.map(({ blockSize }) => blockSize).filter((size) => size > 0));
  return sizes.size === 0 ? "" : ` of ${[...sizes].join(" or ")} tokens`;
}

/** Where something was achieved; before, `stagecoach plan` has the predictions. */
function decodingLines(rates: readonly DecodeRate__Output[]): string[] {
  return rates.flatMap(
    ({ concurrency, predictedTokensPerSecond: predicted, achievedTokensPerSecond: achieved }) => {
      if (achieved === undefined || predicted === undefined) return [];
      const share = ((100 * achieved) / predicted).toFixed(0);
      return [
        `decoding  ${concurrency} at once: ${achieved.toFixed(1)} tok/s, ${predicted.toFixed(1)} predicted (${share} %)`,
      ];
    },
  );
}

function replicaLine(replica: ReplicaStatus__Output): string {
  const { requestsRunning, requestsWaiting, blocksUsed, blocksTotal } = replica;
  return `replica ${replica.replica} ${replica.stateDetail}; ${requestsRunning} running, ${requestsWaiting} waiting, ${blocksUsed} of ${blocksTotal} blocks`;
}

/** Decoding sequences of each lane and what it reads of prompts. */
function describeLanes(lanes: readonly LaneStatus__Output[]): string {
  const texts = lanes.map(({ decodeRows, prefillTokens }) =>
    prefillTokens > 0 ? `${decodeRows} + ${prefillTokens} tokens read` : String(decodeRows),
  );
  return texts.join(", ") || "none";
}

/** Idle workers stand last. */
function replicaOf(worker: WorkerStatus__Output): number {
  return worker.replica ?? Number.MAX_SAFE_INTEGER;
}

function stageOf(worker: WorkerStatus__Output): number {
  return worker.stageIndex ?? Number.MAX_SAFE_INTEGER;
}
