import { StagecoachError } from "../../common/errors.js";
import { Draft } from "./draft.js";
import type { ListNode } from "./linked-list.js";
import { Population } from "./population.js";
import { Sequence } from "./sequence.js";
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

/**
 * Decides what each micro-batch carries: continuous batching over the lanes of one pipeline. Pure: no I/O, no
 * clock, no randomness; its cost is linear in the batch, whatever the number of live sequences.
 *
 * - Decoding goes first, at most ceil(decoding / lanes) rows a micro-batch, so that lanes stay even: a sequence
 *   belongs to a lane only while a step of it is in flight (vLLM's pull request 50410 measured the cap).
 * - Chunks of prompts fill the rest of the token budget, oldest first; consecutive chunks of one prompt may be in
 *   flight in several lanes.
 * - A waiting request is admitted, first come first served, when the blocks of all its known tokens are free.
 * - When a decoding sequence finds no free block, the youngest running one that is not in flight is thrown out
 *   and later recomputed from prompt and generated tokens, under a new sequence id.
 *
 * Drive it so: after `add`, `cancel` or `complete`, call `next` for every lane until it returns undefined. A
 * micro-batch without slices only closes sequences; it does not occupy its lane and is never completed.
 */
export class Scheduler {
  #options: SchedulerOptions;
  #flights: (Flight | undefined)[];
  readonly #byRequest = new Map<string, Sequence>();
  readonly #population: Population;
  #arrivals = 0;
  /** Whether the last micro-batch left somebody waiting for want of blocks. */
  #blocksAreScarce = false;

  /** @throws StagecoachError INVALID_ARGUMENT for limits under which nothing could be scheduled. */
  constructor(options: SchedulerOptions) {
    validateOptions(options);
    this.#options = options;
    this.#flights = new Array(options.laneCount).fill(undefined);
    this.#population = new Population(options.blockCount, options.blockSize);
  }

  /**
   * Queues a request. Output is clipped to what the context leaves.
   * @throws StagecoachError INVALID_ARGUMENT for a request that could never run, ALREADY_EXISTS for an id in use,
   * RESOURCE_EXHAUSTED when the queue is full.
   */
  add(request: SequenceRequest): void {
    validateRequest(request, this.#options);
    if (this.#byRequest.has(request.requestId)) {
      throw new StagecoachError("ALREADY_EXISTS", `request "${request.requestId}" is already being served`);
    }
    const { maxWaiting, maxContext, maxSequences } = this.#options;
    const { waiting, running } = this.#population;
    // Requests that the next micro-batches will admit are not waiting for anything.
    const places = this.#blocksAreScarce ? 0 : Math.max(0, maxSequences - running.size);
    if (waiting.size >= maxWaiting + places) {
      throw new StagecoachError(
        "RESOURCE_EXHAUSTED",
        `${waiting.size} requests are queued already, ${maxWaiting} may wait: try again later`,
        { details: { maxWaiting } },
      );
    }
    const sequence = new Sequence(request, this.#arrivals++, maxContext);
    this.#byRequest.set(request.requestId, sequence);
    waiting.append(sequence.place);
  }

  /** Ends a request in whatever state it is; tokens still on their way to it are ignored. False when unknown. */
  cancel(requestId: string): boolean {
    const sequence = this.#byRequest.get(requestId);
    if (sequence === undefined) return false;
    this.#end(sequence);
    return true;
  }

  /** What the lane should carry now; undefined while it is occupied or when there is nothing to do. */
  next(lane: number): MicroBatch | undefined {
    this.#checkLane(lane);
    if (this.#flights[lane] !== undefined) return undefined;
    const draft = new Draft(lane, this.#options.tokenBudget, this.#options.blockSize);
    const enoughBlocks = this.#addDecodes(draft);
    this.#addPrefills(draft);
    this.#blocksAreScarce = !enoughBlocks || !this.#admit(draft);
    return this.#dispatch(draft);
  }

  /**
   * Takes back a micro-batch and the tokens sampled in it; tokens of sequences that are gone are ignored.
   * @throws StagecoachError FAILED_PRECONDITION when it is not the one its lane carries, INTERNAL when tokens are
   * missing or nobody asked for them: the pipeline is out of step and needs a new epoch.
   */
  complete(batch: MicroBatch, tokens: readonly TokenResult[]): Outcome[] {
    this.#checkLane(batch.lane);
    const flight = this.#flights[batch.lane];
    if (flight?.batch !== batch) {
      throw new StagecoachError(
        "FAILED_PRECONDITION",
        `lane ${batch.lane} does not carry this micro-batch: each is completed once, in its own epoch`,
      );
    }
    this.#flights[batch.lane] = undefined;
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
    this.#flights = new Array(options.laneCount).fill(undefined);
    this.#population.startEpoch(options.blockCount);
    const tooLong: string[] = [];
    for (const [requestId, sequence] of this.#byRequest) {
      if (blocksAtMost(sequence.request, options) > options.blockCount) tooLong.push(requestId);
    }
    for (const requestId of tooLong) this.cancel(requestId);
    return tooLong;
  }

  /** The request that a sequence on the stages belongs to; undefined when it is over or was thrown out. */
  requestOf(sequenceId: number): string | undefined {
    return this.#population.byId.get(sequenceId)?.request.requestId;
  }

  snapshot(): SchedulerSnapshot {
    const { running, waiting, blocks, preemptions } = this.#population;
    return {
      running: running.size,
      waiting: waiting.size,
      blocksUsed: blocks.usedCount,
      blocksTotal: blocks.total,
      lanes: this.#flights.map((flight) => ({
        decodeRows: flight?.draft.decodeRows ?? 0,
        prefillTokens: flight?.draft.prefillTokens ?? 0,
      })),
      preemptions,
    };
  }

  /** False when a sequence found no block: then nothing should be admitted. */
  #addDecodes(draft: Draft): boolean {
    const { running, prefilling, ready } = this.#population;
    const decoding = running.size - prefilling.size;
    const rows = Math.min(Math.ceil(decoding / this.#options.laneCount), draft.tokensLeft);
    let enoughBlocks = true;
    let node = ready.head;
    for (let visited = 0; node !== undefined && visited < rows; visited++) {
      const sequence: Sequence = node.item;
      let following: ListNode<Sequence> | undefined = node.next;
      const hasBlock: boolean =
        this.#population.hasBlockForNext(sequence) || (enoughBlocks && this.#population.grow(sequence));
      enoughBlocks &&= hasBlock;
      // Growing may have thrown out the one that was to follow, or, as the youngest, this one itself.
      if (node.list === ready) following = node.next;
      if (hasBlock) draft.addSlice(sequence, 1);
      node = following;
    }
    return enoughBlocks;
  }

  #addPrefills(draft: Draft): void {
    const { prefilling } = this.#population;
    while (draft.tokensLeft > 0 && prefilling.head !== undefined) {
      const sequence = prefilling.head.item;
      draft.addSlice(sequence, Math.min(draft.tokensLeft, sequence.length - sequence.scheduled));
    }
  }

  /** False when somebody found not enough blocks. */
  #admit(draft: Draft): boolean {
    const { running, waiting } = this.#population;
    while (draft.tokensLeft > 0 && running.size < this.#options.maxSequences && waiting.head !== undefined) {
      const sequence = waiting.head.item;
      if (!this.#population.admit(sequence)) return false;
      draft.opened.push({
        sequenceId: sequence.sequenceId,
        requestId: sequence.request.requestId,
        tokens: sequence.tokens(0, sequence.length),
        promptLength: sequence.request.promptIds.length,
        sampling: sequence.request.sampling,
      });
      draft.addSlice(sequence, Math.min(draft.tokensLeft, sequence.length));
    }
    return true;
  }

  #dispatch(draft: Draft): MicroBatch | undefined {
    const { lane, opened, slices } = draft;
    const closed = this.#population.takeClosing();
    if (slices.length === 0 && closed.length === 0) return undefined;
    const batch: MicroBatch = { lane, opened, closed, slices };
    if (slices.length > 0) this.#flights[lane] = { batch, draft };
    return batch;
  }

  #accept(sequence: Sequence, tokenId: number): Outcome {
    const { requestId, stopTokenIds } = sequence.request;
    if (stopTokenIds.has(tokenId)) {
      this.#end(sequence);
      return { requestId, tokenId: undefined, finished: "stop" };
    }
    sequence.append(tokenId);
    if (sequence.length === sequence.maxLength) {
      this.#end(sequence);
      return { requestId, tokenId, finished: "length" };
    }
    this.#population.ready.append(sequence.place);
    return { requestId, tokenId, finished: undefined };
  }

  #end(sequence: Sequence): void {
    this.#population.release(sequence);
    this.#byRequest.delete(sequence.request.requestId);
  }

  #checkLane(lane: number): void {
    if (!Number.isInteger(lane) || lane < 0 || lane >= this.#flights.length) {
      throw new StagecoachError("INVALID_ARGUMENT", `there is no lane ${lane} among ${this.#flights.length}`);
    }
  }
}

/** Makes the scheduler of one pipeline. */
export function createScheduler(options: SchedulerOptions): Scheduler {
  return new Scheduler(options);
}
