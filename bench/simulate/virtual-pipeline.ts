import type { Plan, WorkerProfile } from "../../coordinator/planner/types.js";
import type { MicroBatch } from "../../coordinator/scheduler/types.js";

/** How long one stage takes with a micro-batch, milliseconds. */
export type StageTime = (load: BatchLoad) => number;

/** What of a micro-batch decides how long stages take with it. */
export interface BatchLoad {
  readonly decodeRows: number;
  readonly prefillTokens: number;
  readonly sampled: number;
}

/**
 * Stages and hops in virtual time. Micro-batches pass every stage in the order in which they were sent, so where
 * one is when follows from the one before it, and they come back in that order too.
 */
export class VirtualPipeline {
  /** Time that each stage has computed or will have with what was sent so far, ms. */
  readonly busyMs: number[];
  readonly #stages: readonly StageTime[];
  /** Into each stage, then back to the coordinator. */
  readonly #hopsMs: readonly number[];
  readonly #freeAtMs: number[];

  /** @param hopsMs one more than stages */
  constructor(stages: readonly StageTime[], hopsMs: readonly number[]) {
    this.#stages = stages;
    this.#hopsMs = hopsMs;
    this.busyMs = stages.map(() => 0);
    this.#freeAtMs = stages.map(() => 0);
  }

  /** When what is sent at `atMs` is back, ms. */
  send(load: BatchLoad, atMs: number): number {
    let nowMs = atMs;
    for (const [index, timeOf] of this.#stages.entries()) {
      const startMs = Math.max(nowMs + (this.#hopsMs[index] as number), this.#freeAtMs[index] as number);
      const tookMs = timeOf(load);
      nowMs = startMs + tookMs;
      this.#freeAtMs[index] = nowMs;
      this.busyMs[index] = (this.busyMs[index] as number) + tookMs;
    }
    return nowMs + (this.#hopsMs[this.#stages.length] as number);
  }
}

/** Rows that decode, prompt tokens and sampled tokens of a micro-batch. */
export function loadOf({ slices }: MicroBatch): BatchLoad {
  let [decodeRows, prefillTokens, sampled] = [0, 0, 0];
  for (const { tokenIds, sample } of slices) {
    if (tokenIds.length === 1 && sample) decodeRows++;
    else prefillTokens += tokenIds.length;
    if (sample) sampled++;
  }
  return { decodeRows, prefillTokens, sampled };
}

/** A plan's stages with the times that its workers were given. */
export function plannedPipeline(plan: Plan, workers: readonly WorkerProfile[]): VirtualPipeline {
  const last = plan.stages.length - 1;
  const stages = plan.stages.map(({ workerId, firstLayer, endLayer }, index): StageTime => {
    const profile = workers.find((worker) => worker.workerId === workerId) as WorkerProfile;
    const { layerDecode, layerPrefill, embedding, head } = profile;
    return ({ decodeRows, prefillTokens, sampled }) =>
      (endLayer - firstLayer) * (timeOf(layerDecode, decodeRows) + timeOf(layerPrefill, prefillTokens)) +
      (index === 0 ? timeOf(embedding, decodeRows + prefillTokens) : 0) +
      (index === last ? timeOf(head, sampled) : 0);
  });
  return new VirtualPipeline(stages, [0, ...plan.stages.map(({ hopMs }) => hopMs)]);
}

function timeOf({ alphaMs, betaMs }: { alphaMs: number; betaMs: number }, rows: number): number {
  return rows === 0 ? 0 : alphaMs + betaMs * rows;
}
