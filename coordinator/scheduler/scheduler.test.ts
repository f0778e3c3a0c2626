import { describe, expect, test } from "vitest";
import { Scheduler } from "./scheduler.js";
import type { MicroBatch, Outcome, SchedulerOptions, SequenceRequest } from "./types.js";

const defaults: SchedulerOptions = {
  laneCount: 2,
  blockSize: 4,
  blockCount: 100,
  maxSequences: 16,
  tokenBudget: 32,
  maxContext: 64,
  maxWaiting: 16,
  // The prompts here all begin alike; prefix.test.ts has what comes of that.
  prefixCache: false,
};

function schedulerWith(options: Partial<SchedulerOptions> = {}): Scheduler {
  return new Scheduler({ ...defaults, ...options });
}

function request(requestId: string, promptLength = 4, more: Partial<SequenceRequest> = {}): SequenceRequest {
  const promptIds = Uint32Array.from({ length: promptLength }, (_, index) => index + 1);
  return { requestId, promptIds, sampling: {}, maxTokens: 10, stopTokenIds: new Set(), ...more };
}

function nextOf(scheduler: Scheduler, lane: number): MicroBatch {
  const batch = scheduler.next(lane);
  if (batch === undefined) throw new Error(`lane ${lane} has nothing to do`);
  return batch;
}

/** Completes a batch with the same token for everyone that was sampled. */
function finish(scheduler: Scheduler, batch: MicroBatch, tokenId = 9): Outcome[] {
  const tokens = batch.slices
    .filter(({ sample }) => sample)
    .map(({ sequenceId }) => ({ sequenceId, tokenId }));
  return scheduler.complete(batch, tokens);
}

/** A batch and the same token for everyone that was sampled. */
function landing(batch: MicroBatch): [MicroBatch, { sequenceId: number; tokenId: number }[]] {
  const sampled = batch.slices.filter(({ sample }) => sample);
  return [batch, sampled.map(({ sequenceId }) => ({ sequenceId, tokenId: 9 }))];
}

function lengths(batch: MicroBatch): number[] {
  return batch.slices.map((slice) => slice.tokenIds.length);
}

describe("one request", () => {
  test("is opened and prefilled, decodes token by token, ends at its length and is closed", () => {
    const scheduler = schedulerWith();
    scheduler.add(request("a", 5, { maxTokens: 2 }));
    const prefill = nextOf(scheduler, 0);
    expect(prefill).toMatchObject({ lane: 0, closed: [], opened: [{ requestId: "a", promptLength: 5 }] });
    const [{ sequenceId = -1 } = {}] = prefill.slices;
    expect(prefill.slices).toEqual([
      {
        sequenceId,
        contextLength: 0,
        tokenIds: Uint32Array.of(1, 2, 3, 4, 5),
        sample: true,
        newBlocks: [0, 1],
      },
    ]);
    expect(scheduler.next(1)).toBeUndefined();
    expect(finish(scheduler, prefill)).toEqual([{ requestId: "a", tokenId: 9, finished: undefined }]);

    const decode = nextOf(scheduler, 1);
    expect(decode.slices).toEqual([
      { sequenceId, contextLength: 5, tokenIds: Uint32Array.of(9), sample: true, newBlocks: [] },
    ]);
    expect(finish(scheduler, decode)).toEqual([{ requestId: "a", tokenId: 9, finished: "length" }]);
    const closed = [{ sequenceId, keptBlocks: 0 }];
    expect(nextOf(scheduler, 0)).toEqual({ lane: 0, opened: [], closed, slices: [] });
    expect(scheduler.next(0)).toBeUndefined();
  });

  test("ends on a stop token, which is not part of the output", () => {
    const scheduler = schedulerWith();
    scheduler.add(request("a", 3, { stopTokenIds: new Set([9]) }));
    expect(finish(scheduler, nextOf(scheduler, 0))).toEqual([
      { requestId: "a", tokenId: undefined, finished: "stop" },
    ]);
    expect(scheduler.snapshot()).toMatchObject({ running: 0, blocksUsed: 0 });
  });

  test("is clipped to the context", () => {
    const scheduler = schedulerWith({ maxContext: 6 });
    scheduler.add(request("a", 4, { maxTokens: 1_000_000 }));
    finish(scheduler, nextOf(scheduler, 0));
    expect(finish(scheduler, nextOf(scheduler, 0))).toMatchObject([{ finished: "length" }]);
  });

  test("with a long prompt has consecutive chunks in flight in several lanes", () => {
    const scheduler = schedulerWith({ laneCount: 3, tokenBudget: 16 });
    scheduler.add(request("a", 40));
    const batches = [0, 1, 2].map((lane) => nextOf(scheduler, lane));
    expect(batches.map(lengths)).toEqual([[16], [16], [8]]);
    expect(batches.map(({ slices }) => slices[0]?.sample)).toEqual([false, false, true]);
    expect(batches.map(({ slices }) => slices[0]?.newBlocks.length)).toEqual([4, 4, 2]);
    expect(batches.flatMap((batch) => finish(scheduler, batch))).toHaveLength(1);
  });
});

describe("several requests", () => {
  test("decode before prompts, which fill the rest of the budget", () => {
    const scheduler = schedulerWith({ laneCount: 1, tokenBudget: 10 });
    scheduler.add(request("a", 4));
    finish(scheduler, nextOf(scheduler, 0));
    scheduler.add(request("b", 6));
    scheduler.add(request("c", 6));
    const batch = nextOf(scheduler, 0);
    expect(lengths(batch)).toEqual([1, 6, 3]);
    expect(batch.slices.map(({ sample }) => sample)).toEqual([true, true, false]);
    expect(scheduler.snapshot().lanes).toEqual([{ decodeRows: 1, prefillTokens: 9 }]);
    finish(scheduler, batch);
    expect(lengths(nextOf(scheduler, 0))).toEqual([1, 1, 3]);
  });

  test("spread over the lanes when they arrive together", () => {
    const scheduler = schedulerWith({ tokenBudget: 512, maxContext: 2000, blockCount: 2000 });
    for (let id = 0; id < 16; id++) scheduler.add(request(String(id), 128));
    const batches = [nextOf(scheduler, 0), nextOf(scheduler, 1)];
    expect(batches.map(lengths)).toEqual([[128], [128]]);
  });

  test.each([16, 32, 33])("%d even out over two lanes once they decode, also after some end", (count) => {
    const scheduler = schedulerWith({ maxSequences: 64, blockCount: 4000, maxContext: 1000 });
    for (let id = 0; id < count; id++) scheduler.add(request(String(id), 8 + (id % 5), { maxTokens: 900 }));
    const flights = [0, 1].map((lane) => nextOf(scheduler, lane));
    const rounds = (steps: number): number[] => {
      for (let step = 0; step < steps; step++) {
        finish(scheduler, flights.shift() as MicroBatch);
        for (const lane of [0, 1]) {
          const batch = scheduler.next(lane);
          if (batch !== undefined && batch.slices.length > 0) flights.push(batch);
        }
      }
      return scheduler.snapshot().lanes.map(({ decodeRows }) => decodeRows);
    };
    const even = (rows: number) => [Math.ceil(rows / 2), Math.floor(rows / 2)];
    expect(rounds(60).sort((one, other) => other - one)).toEqual(even(count));
    for (let id = 0; id < 6; id++) scheduler.cancel(String(id));
    expect(rounds(4).sort((one, other) => other - one)).toEqual(even(count - 6));
  });

  test("one at a time in static batches: none is let in until the last batch is done", () => {
    const scheduler = schedulerWith({ laneCount: 1, maxSequences: 2, batching: "static" });
    for (const id of ["a", "b", "c"]) scheduler.add(request(id, 4, { maxTokens: id === "a" ? 1 : 3 }));
    const opened = Array.from({ length: 4 }, () => {
      const batch = nextOf(scheduler, 0);
      if (batch.slices.length > 0) finish(scheduler, batch);
      return batch.opened.map(({ requestId }) => requestId);
    });
    expect(opened).toEqual([["a", "b"], [], [], ["c"]]);
  });

  test("get the whole budget once when they have waited for too many decode steps", () => {
    const waits = (maxWaitingTokens: number): number => {
      const scheduler = schedulerWith({ laneCount: 1, tokenBudget: 256, maxWaitingTokens, targetItlMs: 1 });
      scheduler.add(request("a", 4, { maxTokens: 50 }));
      for (const stepMs of [1, 1, 1]) scheduler.complete(...landing(nextOf(scheduler, 0)), stepMs);
      for (const id of ["b", "c"]) scheduler.add(request(id, 50, { maxTokens: 5 }));
      for (let step = 0; ; step++) {
        const batch = nextOf(scheduler, 0);
        if (batch.opened.some(({ requestId }) => requestId === "c")) return step;
        scheduler.complete(...landing(batch), 10);
      }
    };
    expect(waits(1000)).toBe(12);
    expect(waits(1)).toBe(2);
  });

  test("move between lanes when these drift apart", () => {
    const scheduler = schedulerWith();
    for (const id of ["a", "b", "c", "d", "e", "f"]) scheduler.add(request(id));
    finish(scheduler, nextOf(scheduler, 0));
    const [first, second] = [nextOf(scheduler, 0), nextOf(scheduler, 1)];
    for (const id of ["a", "b"]) scheduler.cancel(id);
    finish(scheduler, first);
    finish(scheduler, second);
    expect([1, 0].map((lane) => nextOf(scheduler, lane).slices.length)).toEqual([2, 2]);
  });

  test("are admitted in order while blocks and places last", () => {
    const scheduler = schedulerWith({ blockCount: 8, maxSequences: 2 });
    for (const id of ["a", "b", "c"]) scheduler.add(request(id, 4, { maxTokens: 2 }));
    const batch = nextOf(scheduler, 0);
    expect(batch.opened.map(({ requestId }) => requestId)).toEqual(["a", "b"]);
    expect(scheduler.snapshot()).toMatchObject({ running: 2, waiting: 1, blocksUsed: 2, blocksTotal: 8 });
  });
});

describe("cancelling", () => {
  test("frees a waiting request without a trace", () => {
    const scheduler = schedulerWith();
    scheduler.add(request("a"));
    expect([scheduler.cancel("a"), scheduler.cancel("a")]).toEqual([true, false]);
    expect(scheduler.next(0)).toBeUndefined();
  });

  test("closes what is in flight behind it, in any lane, and ignores its token", () => {
    const scheduler = schedulerWith();
    scheduler.add(request("a"));
    const batch = nextOf(scheduler, 0);
    scheduler.cancel("a");
    expect(scheduler.snapshot()).toMatchObject({ running: 0, blocksUsed: 0 });
    expect(nextOf(scheduler, 1)).toMatchObject({
      closed: [{ sequenceId: batch.slices[0]?.sequenceId }],
      slices: [],
    });
    expect(finish(scheduler, batch)).toEqual([]);
    scheduler.add(request("a"));
    expect(nextOf(scheduler, 0).opened).toHaveLength(1);
  });
});

describe("when blocks run out", () => {
  /** Two sequences that together fill six blocks and each need another. */
  function full(): { scheduler: Scheduler; outcome: (batch: MicroBatch) => Outcome[] } {
    const scheduler = schedulerWith({ laneCount: 1, blockCount: 6 });
    scheduler.add(request("old", 8));
    scheduler.add(request("young", 8));
    let tokenId = 100;
    const outcome = (batch: MicroBatch) => finish(scheduler, batch, tokenId++);
    for (let step = 0; step < 5; step++) outcome(nextOf(scheduler, 0));
    expect(scheduler.snapshot()).toMatchObject({ running: 2, blocksUsed: 6, preemptions: 0 });
    return { scheduler, outcome };
  }

  test("the youngest gives way and is recomputed under another id with all its tokens", () => {
    const { scheduler, outcome } = full();
    const batch = nextOf(scheduler, 0);
    expect(batch).toMatchObject({ closed: [{ sequenceId: 2 }], opened: [] });
    expect(batch.slices.map(({ sequenceId }) => sequenceId)).toEqual([1]);
    expect(scheduler.snapshot()).toMatchObject({ running: 1, waiting: 1, preemptions: 1 });
    expect(scheduler.requestOf(2)).toBeUndefined();
    scheduler.cancel("old");
    outcome(batch);
    const again = nextOf(scheduler, 0);
    expect(again.opened).toMatchObject([{ sequenceId: 3, requestId: "young", promptLength: 8 }]);
    expect([...(again.opened[0]?.tokens ?? [])]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 100, 101, 102, 103, 104]);
    expect(outcome(again)).toMatchObject([{ requestId: "young", finished: undefined }]);
  });

  test("the youngest gives way itself, and those behind it still go on", () => {
    const scheduler = schedulerWith({ laneCount: 1, blockSize: 8, blockCount: 5 });
    scheduler.add(request("roomy", 9));
    scheduler.add(request("old", 8));
    scheduler.add(request("young", 8));
    const batch = nextOf(scheduler, 0);
    scheduler.complete(
      batch,
      [2, 3, 1].map((sequenceId) => ({ sequenceId, tokenId: 9 })),
    );
    const following = nextOf(scheduler, 0);
    expect(following.closed).toEqual([{ sequenceId: 3, keptBlocks: 0 }]);
    expect(following.slices.map(({ sequenceId }) => sequenceId)).toEqual([2, 1]);
    expect(scheduler.snapshot()).toMatchObject({ running: 2, waiting: 1, blocksUsed: 4, preemptions: 1 });
  });

  test("a request alone can use the whole cache", () => {
    const scheduler = schedulerWith({ laneCount: 1, blockCount: 4 });
    scheduler.add(request("a", 8, { maxTokens: 9 }));
    const outcomes: Outcome[] = [];
    for (let step = 0; step < 9; step++) outcomes.push(...finish(scheduler, nextOf(scheduler, 0)));
    expect(outcomes.at(-1)).toMatchObject({ finished: "length" });
    expect(scheduler.snapshot().preemptions).toBe(0);
  });
});

describe("a new epoch", () => {
  test("replays what ran, in order and before what waits, under fresh ids", () => {
    const scheduler = schedulerWith({ maxSequences: 2 });
    for (const id of ["a", "b", "c"]) scheduler.add(request(id));
    const batch = nextOf(scheduler, 0);
    finish(scheduler, batch, 77);
    const lost = nextOf(scheduler, 1);
    expect(scheduler.requeueAll({ laneCount: 1, blockCount: 20 })).toEqual([]);
    expect(scheduler.snapshot()).toMatchObject({ running: 0, waiting: 3, blocksUsed: 0, blocksTotal: 20 });
    const replay = nextOf(scheduler, 0);
    expect(replay.closed).toEqual([]);
    expect(replay.opened.map(({ requestId, sequenceId }) => [requestId, sequenceId])).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
    expect(replay.opened.map(({ tokens }) => [...tokens])).toEqual([
      [1, 2, 3, 4, 77],
      [1, 2, 3, 4, 77],
    ]);
    expect(() => finish(scheduler, lost)).toThrow("there is no lane 1 among 1");
    expect(() => finish(scheduler, batch)).toThrow("lane 0 does not carry this micro-batch");
  });

  test("ends and names requests that no longer fit", () => {
    const scheduler = schedulerWith();
    scheduler.add(request("short", 4, { maxTokens: 4 }));
    scheduler.add(request("long", 40));
    nextOf(scheduler, 0);
    expect(scheduler.requeueAll({ blockCount: 2 })).toEqual(["long"]);
    expect(nextOf(scheduler, 0).opened.map(({ requestId }) => requestId)).toEqual(["short"]);
  });
});

describe("bad input", () => {
  test.each([
    { more: { promptIds: new Uint32Array(0) }, message: 'request "a" has an empty prompt' },
    { more: { promptIds: new Uint32Array(64) }, message: "a prompt of 64 tokens leaves no room" },
    { more: { maxTokens: 0 }, message: "asks for 0 tokens" },
    { more: { maxTokens: Number.NaN }, message: "asks for NaN tokens" },
    { more: { maxTokens: 50 }, message: "need 14 KV blocks of 4 tokens, the pipeline has 10" },
  ])("is refused: $message", ({ more, message }) => {
    const scheduler = schedulerWith({ blockCount: 10 });
    const bad = request("a", 4, more);
    expect(() => scheduler.add(bad)).toThrow(expect.objectContaining({ code: "INVALID_ARGUMENT" }));
    expect(() => scheduler.add(bad)).toThrow(message);
    expect(scheduler.snapshot().waiting).toBe(0);
  });

  test("a known id is refused", () => {
    const scheduler = schedulerWith();
    scheduler.add(request("a"));
    expect(() => scheduler.add(request("a"))).toThrow(expect.objectContaining({ code: "ALREADY_EXISTS" }));
  });

  test("a full queue is refused, but those about to be admitted do not count as waiting", () => {
    const scheduler = schedulerWith({ maxSequences: 2, maxWaiting: 1 });
    const refused = expect.objectContaining({ code: "RESOURCE_EXHAUSTED" });
    for (const id of ["a", "b", "c"]) scheduler.add(request(id));
    expect(() => scheduler.add(request("d"))).toThrow(refused);
    nextOf(scheduler, 0);
    expect(() => scheduler.add(request("d"))).toThrow(refused);
    scheduler.cancel("a");
    scheduler.add(request("d"));
  });

  test("no place helps a request to wait while blocks are scarce", () => {
    const scheduler = schedulerWith({ blockCount: 5, maxWaiting: 1 });
    for (const id of ["a", "b"]) scheduler.add(request(id, 10));
    nextOf(scheduler, 0);
    expect(() => scheduler.add(request("c"))).toThrow("1 requests are queued already, 1 may wait");
  });

  test("limits that allow nothing are refused by name", () => {
    expect(() => schedulerWith({ tokenBudget: 0 })).toThrow("tokenBudget is 0");
    expect(() => schedulerWith({ laneCount: 1.5 })).toThrow("laneCount is 1.5");
    expect(() => schedulerWith().requeueAll({ blockCount: -1 })).toThrow("blockCount is -1");
    expect(() => schedulerWith().next(2)).toThrow("there is no lane 2 among 2");
  });

  test("missing, doubled and foreign tokens break the epoch loudly", () => {
    const tokensFor = (...sequenceIds: number[]) =>
      sequenceIds.map((sequenceId) => ({ sequenceId, tokenId: 1 }));
    const inFlight = () => {
      const scheduler = schedulerWith();
      for (const id of ["a", "b"]) scheduler.add(request(id, 32));
      return { scheduler, first: nextOf(scheduler, 0), second: nextOf(scheduler, 1) };
    };
    for (const { tokens, message } of [
      { tokens: tokensFor(), message: "no token came for sequence 1, which lane 0 sampled" },
      { tokens: tokensFor(1, 1), message: "a token came for sequence 1, which lane 0 did not sample" },
      { tokens: tokensFor(1, 2), message: "a token came for sequence 2, which lane 0 did not sample" },
    ]) {
      const { scheduler, first } = inFlight();
      expect(() => scheduler.complete(first, tokens)).toThrow(message);
      scheduler.requeueAll();
      expect(nextOf(scheduler, 0).opened[0]).toMatchObject({ requestId: "a" });
    }
  });
});
