import { MemoryModel } from "./memory-model.js";
import type { LinearTime, LinkProfile, PlanRequest, WorkerProfile } from "./types.js";

/** A token id on its way in, or a sampled token and its sequence on the way back. */
const tokenBytes = 8;

/** What passes a stage at once. */
export interface Load {
  readonly kind: "decode" | "prefill";
  /** Sequences that decode, or tokens of a chunk. */
  readonly rows: number;
  /** Tokens of prompts that pass together with decoding rows, on average. Absent: none. */
  readonly promptTokens?: number;
}

/**
 * What stages and hops take for one load. Workers are meant by their index in the request; the coordinator is
 * the index after the last. A hop takes its latency and its transfer; only the transfer occupies the link.
 */
export class CostModel {
  readonly workerCount: number;
  readonly layerCount: number;
  readonly coordinator: number;
  readonly memory: MemoryModel;
  readonly load: Load;
  readonly #layerMs: readonly number[];
  readonly #embeddingMs: readonly number[];
  readonly #headMs: readonly number[];
  readonly #ownMs: readonly number[];
  /** Of hidden states that come in, or go out. */
  readonly #copyMs: readonly number[];
  readonly #devices: readonly (string | undefined)[];
  readonly #latencyMs: Float64Array;
  readonly #transferMs: Float64Array;

  constructor(request: PlanRequest, load: Load) {
    const { model, workers, links } = request;
    this.load = load;
    this.workerCount = workers.length;
    this.coordinator = workers.length;
    this.layerCount = model.layerCount;
    this.memory = new MemoryModel(request);
    const { kind, rows, promptTokens = 0 } = load;
    this.#layerMs = workers.map((each) =>
      kind === "decode"
        ? decodeLayerMs(each, rows, request.contextTokens) + promptTokens * tokenMs(each.layerPrefill)
        : timeOf(each.layerPrefill, rows),
    );
    this.#ownMs = workers.map(({ stage }) => stage?.alphaMs ?? 0);
    this.#copyMs = workers.map(({ stage }) => ((rows + promptTokens) * (stage?.betaMs ?? 0)) / 2);
    this.#devices = workers.map(({ deviceId }) => deviceId);
    this.#embeddingMs = workers.map(
      ({ embedding }) => timeOf(embedding, rows) + promptTokens * tokenMs(embedding),
    );
    this.#headMs = workers.map((each) => timeOf(each.head, kind === "decode" ? rows : 1));
    const nodes = workers.length + 1;
    this.#latencyMs = new Float64Array(nodes * nodes);
    this.#transferMs = new Float64Array(nodes * nodes);
    this.#readLinks(workers, links, model.hiddenBytes);
  }

  layerMs(worker: number): number {
    return this.#layerMs[worker] as number;
  }

  stageMs(worker: number, layers: number, first: boolean, last: boolean): number {
    let timeMs = (this.#ownMs[worker] as number) + layers * (this.#layerMs[worker] as number);
    timeMs += first ? (this.#embeddingMs[worker] as number) : (this.#copyMs[worker] as number);
    timeMs += last ? (this.#headMs[worker] as number) : (this.#copyMs[worker] as number);
    return timeMs;
  }

  /** Devices that these workers compute on. */
  deviceCount(order: readonly number[]): number {
    return new Set(order.map((worker) => this.#devices[worker] ?? worker)).size;
  }

  /** The longest that one device is occupied which several of these workers compute on: their stages take turns. */
  sharedMs(order: readonly number[], stageMs: readonly number[]): number {
    return Math.max(
      0,
      ...sumsByDevice(
        order.map((worker) => this.#devices[worker]),
        stageMs,
      ).values(),
    );
  }

  /** Layers for which a stage that is not the last stays within the limit. */
  mostLayers(worker: number, limitMs: number, first: boolean): number {
    const guess = (limitMs - this.stageMs(worker, 0, first, false)) / (this.#layerMs[worker] as number);
    // Division rounds otherwise than the product that it has to agree with. 0 / 0: layers that take no time.
    let layers = Number.isNaN(guess)
      ? this.layerCount
      : Math.max(0, Math.min(this.layerCount, Math.floor(guess)));
    while (layers < this.layerCount && this.stageMs(worker, layers + 1, first, false) <= limitMs) layers++;
    while (layers > 0 && this.stageMs(worker, layers, first, false) > limitMs) layers--;
    return layers;
  }

  hopMs(from: number, to: number): number {
    const at = from * (this.workerCount + 1) + to;
    return (this.#latencyMs[at] as number) + (this.#transferMs[at] as number);
  }

  transferMs(from: number, to: number): number {
    return this.#transferMs[from * (this.workerCount + 1) + to] as number;
  }

  #readLinks(workers: readonly WorkerProfile[], links: readonly LinkProfile[], hiddenBytes: number): void {
    const nodes = this.workerCount + 1;
    const indexOf = new Map(workers.map((worker, index) => [worker.workerId, index]));
    indexOf.set("", this.coordinator);
    const measured = new Set<number>();
    const note = (from: number, to: number, { roundTripMs, bytesPerSecond }: LinkProfile): void => {
      const rowBytes = from === this.coordinator || to === this.coordinator ? tokenBytes : hiddenBytes;
      this.#latencyMs[from * nodes + to] = roundTripMs / 2;
      const tokens = this.load.rows + (this.load.promptTokens ?? 0);
      this.#transferMs[from * nodes + to] = ((tokens * rowBytes) / bytesPerSecond) * 1000;
    };
    for (const link of links) {
      const [from, to] = [indexOf.get(link.from), indexOf.get(link.to)];
      if (from === undefined || to === undefined) continue;
      note(from, to, link);
      measured.add(from * nodes + to);
    }
    // What was measured in one direction only counts for both.
    for (const link of links) {
      const [from, to] = [indexOf.get(link.from), indexOf.get(link.to)];
      if (from === undefined || to === undefined || measured.has(to * nodes + from)) continue;
      note(to, from, link);
    }
  }
}

/**
 * A stage's time with a trace of its square, too little to change which total is least: among cuts that take the
 * same in total, the even one wins, which also leaves the most KV on the fullest stage.
 */
export function evenedMs(stageMs: number, limitMs: number): number {
  return limitMs > 0 ? stageMs * (1 + (1e-9 * stageMs) / limitMs) : stageMs;
}

/**
 * How so many sequences share the lanes: as they come one after another, each goes to a lane that is free, and
 * micro-batches stay apart from then on, so all lanes are used. `rows` is the mean: where a time grows evenly with
 * the rows, the turn of all micro-batches takes as long as with so many rows each.
 */
export function batchesOf(concurrency: number, laneCount: number): { rows: number; inFlight: number } {
  const inFlight = Math.min(concurrency, laneCount);
  return { rows: concurrency / inFlight, inFlight };
}

/** Attention reads the whole context, so a layer takes longer for longer sequences. */
function decodeLayerMs(
  { layerDecode, attention }: WorkerProfile,
  rows: number,
  contextTokens: number | undefined,
): number {
  const measuredMs = timeOf(layerDecode, rows);
  if (attention === undefined || contextTokens === undefined) return measuredMs;
  return Math.max(0, measuredMs + rows * attention.msPerToken * (contextTokens - attention.measuredAtTokens));
}

/** Times of stages by the device that they are on; those that share none are left out. */
export function sumsByDevice(
  devices: readonly (string | undefined)[],
  stageMs: readonly number[],
): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [stage, device] of devices.entries()) {
    if (device === undefined || devices.indexOf(device) === devices.lastIndexOf(device)) continue;
    sums.set(device, (sums.get(device) ?? 0) + (stageMs[stage] as number));
  }
  return sums;
}

/**
 * What one more token of a prompt takes beside others: from the smallest to the largest chunk that was measured, since
 * what a run takes anyhow is in the decoding rows that it rides along with.
 */
function tokenMs({ betaMs, points = [] }: LinearTime): number {
  const [least, most] = [points[0], points.at(-1)];
  if (least === undefined || most === undefined || least.rows === most.rows) return betaMs;
  return Math.max(0, most.ms - least.ms) / (most.rows - least.rows);
}

/**
 * Between two measured points on the line that joins them, beyond the last as much longer as the fitted line says: a
 * GPU's times are flat and then rise, so the line itself may be far from them.
 */
function timeOf({ alphaMs, betaMs, points = [] }: LinearTime, rows: number): number {
  const above = points.findIndex((point) => point.rows >= rows);
  const [low, high, last] = [points[above - 1], points[above], points.at(-1)];
  if (high !== undefined && high.rows === rows) return high.ms;
  if (last !== undefined && above < 0) return last.ms + betaMs * (rows - last.rows);
  if (low === undefined || high === undefined) return alphaMs + betaMs * rows;
  return low.ms + ((high.ms - low.ms) * (rows - low.rows)) / (high.rows - low.rows);
}
