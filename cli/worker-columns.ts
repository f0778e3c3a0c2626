import { formatBytes } from "../model/store/format-bytes.js";
import type { WorkerStatus__Output } from "../proto/gen/stagecoach/v1/WorkerStatus.js";
import { percent } from "./figures.js";
import { type Column, renderTable } from "./table.js";

/** A column of a table of workers. */
export interface WorkerColumn extends Column {
  readonly cellOf: (worker: WorkerStatus__Output) => string;
}

/** A table with a line a worker. */
export function renderWorkers(
  columns: readonly WorkerColumn[],
  workers: readonly WorkerStatus__Output[],
): string {
  const rows = workers.map((worker) => columns.map(({ cellOf }) => cellOf(worker)));
  return renderTable(columns, rows);
}

/** What tables of workers can show; "-" where a worker has no such thing. */
export const workerColumns = {
  replica: { title: "REPLICA", align: "right", cellOf: ({ replica }) => numberOr(replica) },
  stage: { title: "STAGE", align: "right", cellOf: ({ stageIndex }) => numberOr(stageIndex) },
  worker: { title: "WORKER", cellOf: ({ workerId }) => workerId },
  layers: { title: "LAYERS", cellOf: layersOf },
  state: { title: "STATE", cellOf: stateOf },
  busy: { title: "BUSY", align: "right", cellOf: ({ busyShare }) => percent(busyShare) },
  waitIn: { title: "WAIT IN", align: "right", cellOf: ({ waitInShare }) => percent(waitInShare) },
  bubble: { title: "BUBBLE", align: "right", cellOf: ({ bubbleShare }) => percent(bubbleShare) },
  waitOut: { title: "WAIT OUT", align: "right", cellOf: ({ waitOutShare }) => percent(waitOutShare) },
  send: { title: "SEND", align: "right", cellOf: ({ sendShare }) => percent(sendShare) },
  weights: { title: "WEIGHTS", align: "right", cellOf: weightsOf },
  blocks: { title: "BLOCKS", align: "right", cellOf: blocksOf },
  hop: { title: "HOP P50", align: "right", cellOf: hopOf },
  memory: { title: "MEMORY", align: "right", cellOf: ({ residentBytes }) => formatBytes(residentBytes) },
  device: { title: "DEVICE", cellOf: ({ device, threads }) => `${device} x${threads}` },
  address: { title: "ADDRESS", cellOf: ({ address }) => address },
} as const satisfies Record<string, WorkerColumn>;

function numberOr(value: number | undefined): string {
  return value === undefined ? "-" : String(value);
}

/** The stage of a worker that has a place in a pipeline. */
function stageIn({ stageIndex, stage }: WorkerStatus__Output): WorkerStatus__Output["stage"] {
  return stageIndex === undefined ? null : stage;
}

/** A stage may hold the embedding or the head alone. */
function layersOf(worker: WorkerStatus__Output): string {
  const stage = stageIn(worker);
  if (stage === null) return "-";
  return stage.firstLayer === stage.endLayer ? "none" : `${stage.firstLayer}-${stage.endLayer - 1}`;
}

function stateOf({ stage }: WorkerStatus__Output): string {
  if (stage === null) return "IDLE";
  return stage.state === "FAILED" ? `FAILED: ${stage.error}` : stage.state;
}

function weightsOf(worker: WorkerStatus__Output): string {
  const stage = stageIn(worker);
  if (stage === null || stage.weightBytes === 0) return "-";
  return [formatBytes(stage.weightBytes), ...(stage.weights === "" ? [] : [stage.weights])].join(" ");
}

function blocksOf(worker: WorkerStatus__Output): string {
  const stage = stageIn(worker);
  return stage === null ? "-" : `${stage.blocksUsed}/${stage.blocksTotal}`;
}

function hopOf(worker: WorkerStatus__Output): string {
  const hopP50Us = stageIn(worker)?.hopP50Us ?? 0;
  return hopP50Us > 0 ? `${(hopP50Us / 1000).toFixed(2)} ms` : "-";
}
