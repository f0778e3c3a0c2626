import { Scheduler } from "../../coordinator/scheduler/scheduler.js";
import type { MicroBatch } from "../../coordinator/scheduler/types.js";
import { type RequestTimes, type RunSummary, summarize } from "../statistics.js";
import { CoordinatorWork, type WorkTimes } from "./coordinator-work.js";
import { type RequestSizes, schedulerFor, simulatedRequest } from "./simulated-requests.js";
import { loadOf, type VirtualPipeline } from "./virtual-pipeline.js";

/** What to simulate. */
export interface SimulationRun extends RequestSizes {
  /** All there at the start, and all alive at once. */
  readonly sequences: number;
  readonly laneCount: number;
  /** Tokens a micro-batch. */
  readonly tokenBudget: number;
  readonly pipeline: VirtualPipeline;
}

/** What came of it. */
export interface SimulationOutcome {
  /** In virtual time. */
  readonly summary: RunSummary;
  /** Share of virtual time in which each stage computed, while all sequences decoded; then 1 less is its bubble. */
  readonly busyShares: readonly number[];
  /** Real time of the coordinator's work. */
  readonly times: WorkTimes;
  readonly generatedTokens: number;
  readonly promptTokens: number;
  readonly microBatches: number;
  readonly frameBytes: number;
}

/** A micro-batch under way, in virtual time. */
interface Flight {
  readonly batch: MicroBatch;
  readonly sentAtMs: number;
  readonly backAtMs: number;
}

/** Where stages' accounts stood at a moment of virtual time. */
interface Mark {
  readonly atMs: number;
  readonly busyMs: readonly number[];
}

/** Drives the real scheduler over a pipeline in virtual time until every request has its tokens. */
export function simulatePipeline(run: SimulationRun): SimulationOutcome {
  return new Simulation(run).result();
}

class Simulation {
  readonly #run: SimulationRun;
  readonly #work: CoordinatorWork;
  /** When each request's tokens came, ms. */
  readonly #tokensMs = new Map<string, number[]>();
  /** Under way, in the order of their return: what is sent first is back first. */
  readonly #flights: Flight[] = [];
  readonly #occupied = new Set<number>();
  #started = 0;
  #lastBackMs = 0;
  #generatedTokens = 0;
  /** When all sequences decoded, and when the first one ended. */
  readonly #marks: { allDecode?: Mark; firstEnd?: Mark } = {};

  constructor(run: SimulationRun) {
    this.#run = run;
    const options = schedulerFor(run.sequences, run, run.laneCount, run.tokenBudget);
    this.#work = new CoordinatorWork(new Scheduler(options));
  }

  result(): SimulationOutcome {
    this.#addAll();
    this.#fill(0);
    let microBatches = 0;
    for (const flight of this.#flights) {
      microBatches++;
      this.#land(flight);
      this.#fill(flight.backAtMs);
    }
    const { promptTokens, sequences } = this.#run;
    const requests = Array.from(
      this.#tokensMs.values(),
      (tokensMs): RequestTimes => ({ startMs: 0, tokensMs, promptTokens }),
    );
    return {
      summary: summarize(requests),
      busyShares: busyShares(this.#marks),
      times: this.#work.times,
      generatedTokens: this.#generatedTokens,
      promptTokens: sequences * promptTokens,
      microBatches,
      frameBytes: this.#work.frameBytes,
    };
  }

  #addAll(): void {
    for (let index = 0; index < this.#run.sequences; index++) {
      const request = simulatedRequest(index, this.#run);
      this.#tokensMs.set(request.requestId, []);
      this.#work.add(request);
    }
  }

  #fill(nowMs: number): void {
    const { laneCount, pipeline } = this.#run;
    for (let lane = 0; lane < laneCount; lane++) {
      // A micro-batch that only closes sequences leaves its lane free.
      while (!this.#occupied.has(lane)) {
        const batch = this.#work.next(lane);
        if (batch === undefined) break;
        if (batch.slices.length === 0) continue;
        this.#occupied.add(lane);
        this.#flights.push({ batch, sentAtMs: nowMs, backAtMs: pipeline.send(loadOf(batch), nowMs) });
      }
    }
  }

  #land(flight: Flight): void {
    const { batch, backAtMs: nowMs } = flight;
    const tokens = batch.slices
      .filter(({ sample }) => sample)
      .map(({ sequenceId }) => ({ sequenceId, tokenId: 100 + (sequenceId % 1000) }));
    this.#occupied.delete(batch.lane);
    for (const { requestId, finished } of this.#work.complete(batch, tokens, this.#stepMs(flight))) {
      this.#generatedTokens++;
      const isFirst = this.#tokensMs.get(requestId)?.push(nowMs) === 1;
      if (isFirst && ++this.#started === this.#run.sequences) this.#marks.allDecode = this.#mark(nowMs);
      if (finished !== undefined) this.#marks.firstEnd ??= this.#mark(nowMs);
    }
  }

  /** How long it held up the bottleneck, as the coordinator's pipeline has it. */
  #stepMs({ sentAtMs, backAtMs }: Flight): number {
    const followed = this.#lastBackMs > sentAtMs;
    const ms = followed ? backAtMs - this.#lastBackMs : (backAtMs - sentAtMs) / this.#run.laneCount;
    this.#lastBackMs = backAtMs;
    return ms;
  }

  #mark(atMs: number): Mark {
    return { atMs, busyMs: [...this.#run.pipeline.busyMs] };
  }
}

/** Empty where the sequences never all decoded at once. */
function busyShares({ allDecode, firstEnd }: { allDecode?: Mark; firstEnd?: Mark }): number[] {
  if (allDecode === undefined || firstEnd === undefined || firstEnd.atMs <= allDecode.atMs) return [];
  const spanMs = firstEnd.atMs - allDecode.atMs;
  return firstEnd.busyMs.map((busyMs, index) => (busyMs - (allDecode.busyMs[index] as number)) / spanMs);
}
