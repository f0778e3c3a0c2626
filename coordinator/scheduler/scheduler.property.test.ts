import { describe, expect, test } from "vitest";
import { seededRandom } from "../../test/fixtures/random.js";
import { generateAlone, ReferenceStage } from "../../test/fixtures/reference-stage.js";
import { Scheduler } from "./scheduler.js";
import type { MicroBatch, SchedulerOptions, SequenceRequest, TokenResult } from "./types.js";

const vocabularySize = 50;

interface Live {
  readonly request: SequenceRequest;
  readonly addedAt: number;
  readonly output: number[];
}

/** Random arrivals, lengths, cancels, orders of lanes and completions, new epochs; every step is checked. */
class Traffic {
  readonly scheduler: Scheduler;
  readonly live = new Map<string, Live>();
  readonly seen = { added: 0, ended: 0, cancelled: 0, refused: 0, epochs: 0, longestLife: 0 };
  stage: ReferenceStage;
  readonly #options: SchedulerOptions;
  readonly #random: () => number;
  #lanes: ({ batch: MicroBatch; tokens: TokenResult[] } | undefined)[];
  /** Sequence ids by request, as far as the stages know. */
  readonly #running = new Map<string, number>();
  #now = 0;

  constructor(options: SchedulerOptions, seed: number) {
    this.#options = options;
    this.#random = seededRandom(seed);
    this.scheduler = new Scheduler(options);
    this.stage = new ReferenceStage({ ...options, vocabularySize });
    this.#lanes = new Array(options.laneCount).fill(undefined);
  }

  step(): void {
    this.#now++;
    const dice = this.#random();
    if (dice < 0.08) this.#add();
    else if (dice < 0.085) this.#cancel();
    else if (dice < 0.0852) this.#newEpoch();
    else this.#turnLane(this.#below(this.#options.laneCount));
  }

  drain(): void {
    for (let turn = 0; this.live.size > 0 || this.#lanes.some((lane) => lane !== undefined); turn++) {
      if (turn > 1e6) throw new Error(`${this.live.size} requests never end`);
      this.#turnLane(turn % this.#options.laneCount);
    }
    while (this.#dispatch(0));
  }

  #turnLane(lane: number): void {
    const flight = this.#lanes[lane];
    if (flight === undefined) {
      this.#dispatch(lane);
      return;
    }
    expect(this.scheduler.next(lane)).toBeUndefined();
    this.#lanes[lane] = undefined;
    for (const outcome of this.scheduler.complete(flight.batch, flight.tokens)) {
      const live = this.live.get(outcome.requestId);
      if (live === undefined) throw new Error(`an outcome came for ${outcome.requestId}, which is over`);
      if (outcome.tokenId !== undefined) live.output.push(outcome.tokenId);
      if (outcome.finished !== undefined) this.#checkEnd(live, outcome.finished);
    }
  }

  #dispatch(lane: number): boolean {
    const batch = this.scheduler.next(lane);
    if (batch === undefined) return false;
    for (const [requestId, sequenceId] of this.#running)
      if (batch.closed.includes(sequenceId)) this.#running.delete(requestId);
    for (const { requestId, sequenceId } of batch.opened) {
      expect(this.scheduler.requestOf(sequenceId)).toBe(requestId);
      const overtaken = this.#waitingBefore(Number(requestId));
      if (overtaken !== undefined) throw new Error(`${requestId} overtook ${overtaken}, which waits`);
      this.#running.set(requestId, sequenceId);
    }
    const tokens = this.stage.apply(batch);
    if (batch.slices.length > 0) this.#lanes[lane] = { batch, tokens };
    const { blocksUsed, running, lanes } = this.scheduler.snapshot();
    if (this.stage.blocksUsed > blocksUsed) throw new Error("the stage holds blocks that count as free");
    if (this.stage.sequenceCount !== running) throw new Error("the stage holds other sequences");
    const { decodeRows, prefillTokens } = lanes[lane] ?? { decodeRows: 0, prefillTokens: 0 };
    const tokenCount = batch.slices.reduce((sum, slice) => sum + slice.tokenIds.length, 0);
    if (decodeRows + prefillTokens !== tokenCount) throw new Error("the lane's occupancy is wrong");
    return true;
  }

  /** First come, first served: nobody older may wait when a request is admitted, for the first time or again. */
  #waitingBefore(rank: number): string | undefined {
    for (const requestId of this.live.keys()) {
      if (Number(requestId) >= rank) return undefined;
      if (!this.#running.has(requestId)) return requestId;
    }
    return undefined;
  }

  #checkEnd({ request, output, addedAt }: Live, finished: "stop" | "length"): void {
    const { promptIds, maxTokens, stopTokenIds, requestId } = request;
    const clipped = Math.min(maxTokens, this.#options.maxContext - promptIds.length);
    const expected = generateAlone(promptIds, clipped, stopTokenIds, vocabularySize);
    expect(output).toEqual(expected);
    expect(finished).toBe(expected.length === clipped ? "length" : "stop");
    this.live.delete(requestId);
    this.seen.ended++;
    this.seen.longestLife = Math.max(this.seen.longestLife, this.#now - addedAt);
  }

  #add(): void {
    const requestId = String(this.seen.added + this.seen.refused);
    const request: SequenceRequest = {
      requestId,
      promptIds: Uint32Array.from({ length: 1 + this.#below(this.#random() < 0.1 ? 120 : 20) }, () =>
        this.#below(vocabularySize),
      ),
      sampling: {},
      maxTokens: 1 + this.#below(40),
      stopTokenIds: new Set(this.#random() < 0.5 ? [this.#below(vocabularySize)] : []),
    };
    try {
      this.scheduler.add(request);
    } catch (reason) {
      expect(reason).toMatchObject({ code: "RESOURCE_EXHAUSTED" });
      this.seen.refused++;
      return;
    }
    this.live.set(requestId, { request, addedAt: this.#now, output: [] });
    this.seen.added++;
  }

  #cancel(): void {
    const requestIds = [...this.live.keys()];
    const requestId = requestIds[this.#below(requestIds.length)];
    if (requestId === undefined) return;
    expect(this.scheduler.cancel(requestId)).toBe(true);
    expect(this.scheduler.cancel(requestId)).toBe(false);
    this.live.delete(requestId);
    this.seen.cancelled++;
  }

  #newEpoch(): void {
    expect(this.scheduler.requeueAll()).toEqual([]);
    this.stage = new ReferenceStage({ ...this.#options, vocabularySize });
    this.#lanes = this.#lanes.map(() => undefined);
    this.#running.clear();
    this.seen.epochs++;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

const base: SchedulerOptions = {
  laneCount: 3,
  blockSize: 4,
  blockCount: 48,
  maxSequences: 12,
  tokenBudget: 24,
  maxContext: 150,
  maxWaiting: 20,
};

describe("random traffic", () => {
  test.each([
    {
      name: "100,000 steps over three lanes with scarce blocks",
      options: base,
      steps: 100_000,
      scarce: true,
    },
    { name: "one lane", options: { ...base, laneCount: 1 }, steps: 15_000, scarce: true },
    {
      name: "blocks of one token",
      options: { ...base, blockSize: 1, blockCount: 170 },
      steps: 15_000,
      scarce: true,
    },
    {
      name: "a budget below the rows of a lane",
      options: { ...base, tokenBudget: 2 },
      steps: 15_000,
      scarce: true,
    },
    {
      name: "plenty of blocks",
      options: { ...base, laneCount: 5, blockCount: 500 },
      steps: 15_000,
      scarce: false,
    },
  ])("$name", { timeout: 60_000 }, ({ options, steps, scarce }) => {
    const traffic = new Traffic(options, steps + options.laneCount);
    for (let step = 0; step < steps; step++) traffic.step();
    traffic.drain();

    const { added, ended, cancelled, epochs, longestLife } = traffic.seen;
    expect(ended + cancelled).toBe(added);
    expect(Math.min(ended, cancelled, epochs)).toBeGreaterThan(0);
    expect(longestLife).toBeLessThan(4_000);
    const { preemptions, ...rest } = traffic.scheduler.snapshot();
    expect(preemptions > 0).toBe(scarce);
    expect(rest).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0, blocksTotal: options.blockCount });
    expect(traffic.stage.blocksUsed).toBe(0);
  });
});
