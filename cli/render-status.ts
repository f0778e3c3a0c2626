import { formatBytes } from "../model/store/format-bytes.js";
import type { ClusterStatus__Output } from "../proto/gen/stagecoach/v1/ClusterStatus.js";
import type { DecodeRate__Output } from "../proto/gen/stagecoach/v1/DecodeRate.js";
import type { LaneStatus__Output } from "../proto/gen/stagecoach/v1/LaneStatus.js";
import type { ReplicaStatus__Output } from "../proto/gen/stagecoach/v1/ReplicaStatus.js";
import type { StageState__Output } from "../proto/gen/stagecoach/v1/StageState.js";
import type { WorkerStatus__Output } from "../proto/gen/stagecoach/v1/WorkerStatus.js";
import { type Column, renderTable } from "./table.js";

const columns: readonly Column[] = [
  { title: "STAGE", align: "right" },
  { title: "WORKER" },
  { title: "LAYERS" },
  { title: "STATE" },
  { title: "BUSY", align: "right" },
  { title: "WAIT IN", align: "right" },
  { title: "BUBBLE", align: "right" },
  { title: "WAIT OUT", align: "right" },
  { title: "SEND", align: "right" },
  { title: "BLOCKS", align: "right" },
  { title: "HOP P50", align: "right" },
  { title: "MEMORY", align: "right" },
  { title: "DEVICE" },
  { title: "ADDRESS" },
];

/** The cluster's state for people: a few lines, then a line a worker in the pipeline's order. */
export function renderStatus(status: ClusterStatus__Output): string {
  const workers = [...status.workers].sort((a, b) => replicaOf(a) - replicaOf(b) || stageOf(a) - stageOf(b));
  const lines = [
    `cluster   ${status.cluster}, stagecoach ${status.version}, up ${duration(status.uptimeSeconds)}`,
    `state     ${status.state}${status.stateDetail === "" ? "" : `: ${status.stateDetail}`}`,
    `model     ${status.model || "none"}${status.variant === "" ? "" : ` (${status.variant})`}, epoch ${status.epoch}, ${status.laneCount} lanes`,
    `requests  ${status.requestsRunning} running, ${status.requestsWaiting} waiting; ${status.generationTokensPerSecond.toFixed(1)} tok/s generated, ${status.promptTokensPerSecond.toFixed(1)} tok/s read`,
    `KV cache  ${status.blocksUsed} of ${status.blocksTotal} blocks${blockSizes(status.replicas)}`,
    `lanes     ${describeLanes(status.lanes)}`,
    `events    ${status.events}`,
  ];
  lines.push(...decodingLines(status.decodeRates));
  if (status.replicas.length > 1) lines.push(...status.replicas.map(replicaLine));
  if (workers.length > 0) lines.push("", workerTable(workers, status.replicas.length > 1));
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

function workerTable(workers: readonly WorkerStatus__Output[], replicated: boolean): string {
  const rows = workers.map(workerRow);
  if (!replicated) return renderTable(columns, rows);
  const withReplica = workers.map(({ replica }, index) => [
    replica === undefined ? "-" : String(replica),
    ...(rows[index] ?? []),
  ]);
  return renderTable([{ title: "REPLICA", align: "right" }, ...columns], withReplica);
}

/** Decoding sequences of each lane and what it reads of prompts. */
function describeLanes(lanes: readonly LaneStatus__Output[]): string {
  const texts = lanes.map(({ decodeRows, prefillTokens }) =>
    prefillTokens > 0 ? `${decodeRows} + ${prefillTokens} tokens read` : String(decodeRows),
  );
  return texts.join(", ") || "none";
}

function workerRow(worker: WorkerStatus__Output): string[] {
  const { stage } = worker;
  const holdsStage = worker.stageIndex !== undefined && stage !== null;
  return [
    worker.stageIndex === undefined ? "-" : String(worker.stageIndex),
    worker.workerId,
    holdsStage ? layersOf(stage) : "-",
    stage === null ? "IDLE" : stage.state === "FAILED" ? `FAILED: ${stage.error}` : stage.state,
    percent(worker.busyShare),
    percent(worker.waitInShare),
    percent(worker.bubbleShare),
    percent(worker.waitOutShare),
    percent(worker.sendShare),
    holdsStage ? `${stage.blocksUsed}/${stage.blocksTotal}` : "-",
    holdsStage && stage.hopP50Us > 0 ? `${(stage.hopP50Us / 1000).toFixed(2)} ms` : "-",
    formatBytes(worker.residentBytes),
    `${worker.device} x${worker.threads}`,
    worker.address,
  ];
}

/** A stage may hold the embedding or the head alone. */
function layersOf({ firstLayer, endLayer }: StageState__Output): string {
  return firstLayer === endLayer ? "none" : `${firstLayer}-${endLayer - 1}`;
}

/** Idle workers stand last. */
function replicaOf(worker: WorkerStatus__Output): number {
  return worker.replica ?? Number.MAX_SAFE_INTEGER;
}

function stageOf(worker: WorkerStatus__Output): number {
  return worker.stageIndex ?? Number.MAX_SAFE_INTEGER;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

function duration(seconds: number): string {
  const whole = Math.floor(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
