import { StagecoachError } from "../../common/errors.js";
import { Admission } from "./admission.js";
import { BatchComposer } from "./batch-composer.js";
import type { Draft } from "./draft.js";
import { Population } from "./population.js";
import type { Sequence } from "./sequence.js";
import type {
  MicroBatch,
  Outcome,
  SchedulerOptions,
  SchedulerSnapshot,
  SequenceRequest,
  TokenResult,
} from "./types.js";
import { blocksAtMost, validateOptions, validateRequest } from "./validate-request.js";

/** What may differ between two epochs of a pipeline. */
type EpochLimits = Pick<SchedulerOptions, "laneCount" | "blockCount">;

/** A micro-batch under way and the sequences of its slices. */
interface Flight {
  readonly batch: MicroBatch;
  readonly draft: Draft;
}

const defaults = {
  prefixCache: true,
  beginsInsideBlocks: true,
  targetItlMs: "auto",
  maxWaitingTokens: 256,
  batching: "continuous",
  sendAheadBelowMs: 0,
} as const;

/**
 * Decides what each micro-batch carries: continuous batching over the lanes of one pipeline. Pure: no I/O, no
 * clock, no randomness; its cost is linear in the batch, whatever the number of live sequences.
 *
 * - Decoding goes first, at most ceil(decoding / lanes) rows a micro-batch, so that lanes stay even: a sequence
 *   belongs to a lane only while a step of it is in flight (vLLM's pull request 50410 measured the cap).
 * - Prompts follow, oldest first, as far as PromptBudget and the token budget go; consecutive chunks of one prompt
 *   may be in flight in several lanes.
 * - With `sendAheadBelowMs`, the only lane, or that of the only request, gets a second micro-batch behind its first,
 *   whose sequences go on from tokens that the first still samples (as vLLM's asynchronous scheduling): so the first
 *   stage has the next step before the last has answered. One that ends meanwhile is closed behind it, as one that is
 *   cancelled is.
 * - Who waits is let in as WaitingQueue has it, when the blocks of all its known tokens are free. Blocks whose
 *   content is known already are shared, not computed.
 * - When a decoding sequence finds no free block, the most junior running one that is not in flight is thrown out
 *   and later recomputed from prompt and generated tokens, under a new sequence id. The most senior sequence is
 *   never thrown out for another, and alone it has the whole cache, so it ends; then another is the most senior.
 *
 * Drive it so: after `add`, `cancel`, `fail` or `complete`, call `next` for one lane after the other, round and round,
 * until it returns undefined for all.
 * A micro-batch without slices only closes sequences; it does not occupy its lane and is never completed.
 */
export class Scheduler {
  #options: Required<SchedulerOptions>;
  /** Of each lane, what it carries, first sent first. */
  #flights: Flight[][];
  readonly #population: Population;
  readonly #admission: Admission;
  readonly #composer: BatchComposer;

  /** @throws StagecoachError INVALID_ARGUMENT for limits under which nothing could be scheduled. */
  constructor(options: SchedulerOptions) {
    this.#options = { ...defaults, ...options };
    validateOptions(this.#options);
    this.#flights = emptyLanes(this.#options.laneCount);
    this.#population = new Population(this.#options);
    this.#admission = new Admission(this.#population);
    this.#composer = new BatchComposer(this.#population, this.#options);
  }

  /**
   * Queues a request. Output is clipped to what the context leaves.
   * @throws StagecoachError INVALID_ARGUMENT for a request that could never run, ALREADY_EXISTS for an id in use,
   * RESOURCE_EXHAUSTED when the queue is full.
   */
  add(request: SequenceRequest): void {
    validateRequest(request, this.#options);
    // Requests that the next micro-batches will admit are not waiting for anything.
    const free = Math.max(0, this.#options.maxSequences - this.#population.running.size);
    this.#admission.add(request, this.#options, this.#composer.blocksAreScarce ? 0 : free);
  }

  /** Ends a request in whatever state it is; tokens still on their way to it are ignored. False when unknown. */
  cancel(requestId: string): boolean {
    const sequence = this.#admission.find(requestId);
    if (sequence === undefined) return false;
    this.#admission.end(sequence);
    return true;
  }

  /**
   * As `cancel`, for one that a stage could not compute: nobody is to find its KV. Where the request is over by
   * now, nobody can say any more which KV that was, so that all of the prefix cache is forgotten.
   */
  fail(requestId: string | undefined): boolean {
    const sequence = requestId === undefined ? undefined : this.#admission.find(requestId);
    if (sequence === undefined) {
      this.#population.forgetAll();
      return false;
    }
    this.#population.forget(sequence);
    this.#admission.end(sequence);
    return true;
  }

  /** What the lane should carry now; undefined while it is occupied or when there is nothing to do. */
  next(lane: number): MicroBatch | undefined {
    const flights = this.#lane(lane);
    const [before] = flights;
    if (before === undefined) return this.#dispatch(this.#composer.compose(lane));
    // Who lacks a block may need one of those in flight, and they are thrown out only when they are back.
    if (flights.length > 1 || this.#composer.rowsLackBlocks) return undefined;
    if (!this.#sendsAhead() || !this.#hasOneLane()) return undefined;
    const draft = this.#composer.compose(lane, before.draft);
    return draft.slices.length === 0 ? undefined : this.#dispatch(draft);
  }

  /**
   * Takes back a micro-batch and the tokens sampled in it; tokens of sequences that are gone are ignored.
   * @param stepMs how long the micro-batch held up the bottleneck of the pipeline, where it was measured
   * @throws StagecoachError FAILED_PRECONDITION when it is not the one its lane carries, INTERNAL when tokens are
   * missing or nobody asked for them: the pipeline is out of step and needs a new epoch.
   */
  complete(batch: MicroBatch, tokens: readonly TokenResult[], stepMs?: number): Outcome[] {
    const flights = this.#lane(batch.lane);
    const [flight] = flights;
    if (flight?.batch !== batch) {
      throw new StagecoachError(
        "FAILED_PRECONDITION",
        `lane ${batch.lane} does not carry this micro-batch: each is completed once, in its own epoch`,
      );
    }
    flights.shift();
    const { decodeRows, prefillTokens } = flight.draft;
    if (stepMs !== undefined) this.#composer.observe({ decodeRows, prefillTokens, ms: stepMs });
    const sampled = flight.draft.land(tokens, this.#population.byId);
    return sampled.map(({ sequence, tokenId }) => this.#accept(sequence, tokenId));
  }

  /**
   * Starts a new epoch: whatever ran waits again, before all others and in order, to be recomputed from prompt
   * and generated tokens under fresh sequence ids. Micro-batches of the old epoch are forgotten.
   * @returns requests that no longer fit the new limits; they are ended.
   */
  requeueAll(limits: Partial<EpochLimits> = {}): readonly string[] {
    const options = { ...this.#options, ...limits };
    validateOptions(options);
    this.#options = options;
    this.#flights = emptyLanes(options.laneCount);
    this.#composer.startEpoch(options);
    this.#population.startEpoch(options.blockCount);
    const tooLong: string[] = [];
    for (const { request } of this.#admission.live) {
      if (blocksAtMost(request, options) > options.blockCount) tooLong.push(request.requestId);
    }
    for (const requestId of tooLong) this.cancel(requestId);
    return tooLong;
  }

  /** The request that a sequence on the stages belongs to; undefined when it is over or was thrown out. */
  requestOf(sequenceId: number): string | undefined {
    return this.#population.byId.get(sequenceId)?.request.requestId;
  }

  snapshot(): SchedulerSnapshot {
    const { running, blocks, preemptions, prefixCounts } = this.#population;
    return {
      running: running.size,
      waiting: this.#admission.waitingCount,
      blocksUsed: blocks.usedCount,
      blocksTotal: blocks.total,
      blocksCached: blocks.cachedCount,
      lanes: this.#flights.map((flights) => ({
        decodeRows: sum(flights.map(({ draft }) => draft.decodeRows)),
        prefillTokens: sum(flights.map(({ draft }) => draft.prefillTokens)),
      })),
      preemptions,
      prefixQueries: prefixCounts.queries,
      prefixHits: prefixCounts.hits,
    };
  }

  /** Sending ahead keeps who arrives waiting for a round more, so it has to be worth it. */
  #sendsAhead(): boolean {
    const { sendAheadBelowMs } = this.#options;
    if (sendAheadBelowMs === Number.POSITIVE_INFINITY) return true;
    return sendAheadBelowMs > 0 && (this.#composer.roundMs ?? sendAheadBelowMs) < sendAheadBelowMs;
  }

  /**
   * Whether there is no work for two lanes. Stages compute in the order of sending, so what waits for its lane's tokens
   * keeps other lanes' behind it waiting, which would have filled the time.
   */
  #hasOneLane(): boolean {
    const { running } = this.#population;
    return this.#options.laneCount === 1 || running.size + this.#admission.waitingCount === 1;
  }

  #dispatch(draft: Draft): MicroBatch | undefined {
    const { lane, opened, slices } = draft;
    const closed = this.#population.takeClosing();
    if (slices.length === 0 && closed.length === 0) return undefined;
    const batch: MicroBatch = { lane, opened, closed, slices };
    if (slices.length > 0) {
      this.#lane(lane).push({ batch, draft });
      const sequences = draft.leave();
      this.#population.left(sequences);
      this.#admission.letForksGo(sequences);
    }
    return batch;
  }

  #accept(sequence: Sequence, tokenId: number): Outcome {
    const { requestId, promptIds, stopTokenIds } = sequence.request;
    const { cachedPromptTokens } = sequence;
    const cached =
      sequence.length === promptIds.length && cachedPromptTokens > 0
        ? { cachedTokens: cachedPromptTokens }
        : {};
    this.#population.waiting.charge(sequence.user);
    if (stopTokenIds.has(tokenId)) {
      this.#admission.end(sequence);
      return { requestId, tokenId: undefined, finished: "stop", ...cached };
    }
    sequence.append(tokenId);
    this.#population.appended(sequence);
    if (sequence.length === sequence.maxLength) {
      this.#admission.end(sequence);
      return { requestId, tokenId, finished: "length", ...cached };
    }
    // Its next token may be on its way already.
    if (sequence.sampling === 0) this.#population.ready.append(sequence.place);
    return { requestId, tokenId, finished: undefined, ...cached };
  }

  #lane(lane: number): Flight[] {
    const flights = this.#flights[lane];
    if (flights !== undefined) return flights;
    throw new StagecoachError("INVALID_ARGUMENT", `there is no lane ${lane} among ${this.#flights.length}`);
  }
}

function emptyLanes(laneCount: number): Flight[][] {
  return Array.from({ length: laneCount }, () => []);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Makes the scheduler of one pipeline. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new Scheduler(options);
}
