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

interface TrafficOptions extends SchedulerOptions {
  /** Priority and user of a request. */
  readonly rank: (random: () => number) => Pick<SequenceRequest, "priority" | "user">;
}

/** Random arrivals, lengths, cancels, orders of lanes and completions, new epochs; every step is checked. */
class Traffic {
  readonly scheduler: Scheduler;
  readonly live = new Map<string, Live>();
  readonly seen = {
    added: 0,
    ended: 0,
    cancelled: 0,
    refused: 0,
    epochs: 0,
    longestLife: 0,
    copied: 0,
    ahead: 0,
  };
  stage: ReferenceStage;
  readonly #options: TrafficOptions;
  readonly #random: () => number;
  /** Of each lane, what is under way. */
  #lanes: { batch: MicroBatch; tokens: TokenResult[] }[][];
  /** Sequence ids by request, as far as the stages know. */
  readonly #running = new Map<string, number>();
  #now = 0;

  constructor(options: TrafficOptions, seed: number) {
    this.#options = options;
    this.#random = seededRandom(seed);
    this.scheduler = new Scheduler(options);
    this.stage = new ReferenceStage({ ...options, vocabularySize });
    this.#lanes = Array.from({ length: options.laneCount }, () => []);
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
    for (let turn = 0; this.live.size > 0 || this.#lanes.some((lane) => lane.length > 0); turn++) {
      if (turn > 1e6) throw new Error(`${this.live.size} requests never end`);
      this.#turnLane(turn % this.#options.laneCount);
    }
    while (this.#dispatch(0));
  }

  get #sendsAhead(): boolean {
    return (this.#options.sendAheadBelowMs ?? 0) > 0;
  }

  #turnLane(lane: number): void {
    const flights = this.#lanes[lane] ?? [];
    const mayFollow = this.#sendsAhead && flights.length === 1 && this.#random() < 0.7;
    if (flights.length === 0 || mayFollow) {
      if (this.#dispatch(lane) && mayFollow) this.seen.ahead++;
      if (flights.length < 2) return;
    } else if (!this.#sendsAhead || flights.length === 2) {
      expect(this.scheduler.next(lane)).toBeUndefined();
    }
    const [flight] = flights.splice(0, 1);
    if (flight === undefined) return;
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
      if (batch.closed.some((closing) => closing.sequenceId === sequenceId)) this.#running.delete(requestId);
    for (const { requestId, sequenceId, cachedLength } of batch.opened) {
      expect(this.scheduler.requestOf(sequenceId)).toBe(requestId);
      const overtaken = this.#waitingBefore(Number(requestId));
      if (overtaken !== undefined) throw new Error(`${requestId} overtook ${overtaken}, which waits`);
      this.#running.set(requestId, sequenceId);
      if (cachedLength % this.#options.blockSize !== 0) this.seen.copied++;
    }
    const tokens = this.stage.apply(batch);
    if (batch.slices.length > 0) this.#lanes[lane]?.push({ batch, tokens });
    const { blocksUsed, blocksCached, blocksTotal, running, lanes } = this.scheduler.snapshot();
    if (blocksUsed + blocksCached > blocksTotal) throw new Error("there are more blocks than there are");
    if (this.stage.blocksUsed > blocksUsed) throw new Error("the stage holds blocks that count as free");
    if (this.stage.sequenceCount !== running) throw new Error("the stage holds other sequences");
    const { decodeRows, prefillTokens } = lanes[lane] ?? { decodeRows: 0, prefillTokens: 0 };
    const carried = this.#lanes[lane]?.flatMap((flight) => flight.batch.slices) ?? [];
    const tokenCount = carried.reduce((sum, slice) => sum + slice.tokenIds.length, 0);
    if (decodeRows + prefillTokens !== tokenCount) throw new Error("the lane's occupancy is wrong");
    return true;
  }

  /**
   * First come, first served: nobody older of the same user and priority may wait when a request is admitted, for
   * the first time or again, unless it waits for the prompt of another, or did so.
   */
  #waitingBefore(rank: number): string | undefined {
    const admitted = this.live.get(String(rank))?.request;
    for (const [requestId, { request }] of this.live) {
      if (Number(requestId) >= rank) return undefined;
      if (request.user !== admitted?.user || request.priority !== admitted?.priority) continue;
      if (!this.#running.has(requestId) && request.forkOf === undefined) return requestId;
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
    const origin = this.#random() < 0.3 ? this.#anyLive() : undefined;
    const request: SequenceRequest = {
      requestId,
      promptIds: origin?.request.promptIds ?? this.#prompt(),
      ...(origin !== undefined && this.#random() < 0.7 && { forkOf: origin.request.requestId }),
      ...this.#options.rank(this.#random),
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

  /** Half of them begin like others: a system prompt, or the turn before of a chat. */
  #prompt(): Uint32Array {
    const length = 1 + this.#below(this.#random() < 0.1 ? 120 : 20);
    const fresh = Uint32Array.from({ length }, () => this.#below(vocabularySize));
    const before = this.#anyLive();
    if (before === undefined || this.#random() < 0.5) return fresh;
    const { request, output } = before;
    const text = Uint32Array.from([...request.promptIds, ...output]);
    return Uint32Array.from([...text.subarray(0, 1 + this.#below(text.length)), ...fresh]).subarray(0, 130);
  }

  #anyLive(): Live | undefined {
    return [...this.live.values()][this.#below(this.live.size)];
  }

  #cancel(): void {
    const requestId = this.#anyLive()?.request.requestId;
    if (requestId === undefined) return;
    const end = (): boolean =>
      this.#random() < 0.2 ? this.scheduler.fail(requestId) : this.scheduler.cancel(requestId);
    expect(end()).toBe(true);
    expect(end()).toBe(false);
    this.live.delete(requestId);
    this.seen.cancelled++;
  }

  #newEpoch(): void {
    expect(this.scheduler.requeueAll()).toEqual([]);
    this.stage = new ReferenceStage({ ...this.#options, vocabularySize });
    this.#lanes = this.#lanes.map(() => []);
    this.#running.clear();
    this.seen.epochs++;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

const base: TrafficOptions = {
  rank: () => ({}),
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
    {
      name: "steps sent ahead",
      options: { ...base, laneCount: 1, sendAheadBelowMs: Infinity },
      steps: 60_000,
      scarce: true,
    },
    {
      name: "steps sent ahead, with plenty of blocks of one token and a small budget",
      options: {
        ...base,
        laneCount: 1,
        sendAheadBelowMs: Infinity,
        blockSize: 1,
        blockCount: 600,
        tokenBudget: 4,
      },
      steps: 30_000,
      scarce: false,
    },
    {
      name: "steps sent ahead, a batch at a time",
      options: { ...base, laneCount: 1, sendAheadBelowMs: Infinity, batching: "static" as const },
      steps: 30_000,
      scarce: true,
    },
    {
      name: "steps sent ahead in three lanes",
      options: { ...base, sendAheadBelowMs: Infinity },
      steps: 60_000,
      scarce: true,
    },
    {
      name: "steps sent ahead in five lanes, with plenty of blocks",
      options: { ...base, laneCount: 5, sendAheadBelowMs: Infinity, blockCount: 500 },
      steps: 30_000,
      scarce: false,
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
      name: "users and priorities",
      options: {
        ...base,
        rank: (random: () => number) => ({
          user: `user ${Math.floor(random() * 4)}`,
          priority: Math.floor(random() * 2),
        }),
      },
      steps: 30_000,
      scarce: true,
    },
    {
      name: "no prefix cache",
      options: { ...base, prefixCache: false },
      steps: 15_000,
      scarce: true,
    },
    {
      name: "stages that begin after whole blocks",
      options: { ...base, beginsInsideBlocks: false },
      steps: 30_000,
      scarce: true,
    },
    {
      name: "a batch at a time",
      options: { ...base, batching: "static" as const },
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
    expect(longestLife).toBeLessThan(6_000);
    const { preemptions, prefixHits, ...rest } = traffic.scheduler.snapshot();
    expect(preemptions > 0).toBe(scarce);
    expect(prefixHits > 0).toBe(options.prefixCache !== false);
    expect(traffic.seen.ahead > 0).toBe((options.sendAheadBelowMs ?? 0) > 0);
    expect(traffic.seen.copied > 0).toBe(options.blockSize > 1 && options.beginsInsideBlocks !== false);
    expect(rest).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0, blocksTotal: options.blockCount });
    expect(traffic.stage.blocksUsed).toBe(0);
  });
});
