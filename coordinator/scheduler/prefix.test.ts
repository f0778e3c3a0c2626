import { describe, expect, test } from "vitest";
import { Scheduler } from "./scheduler.js";
import type { MicroBatch, Outcome, SchedulerOptions, SequenceRequest } from "./types.js";

const defaults: SchedulerOptions = {
  laneCount: 1,
  blockSize: 4,
  blockCount: 20,
  maxSequences: 16,
  tokenBudget: 64,
  maxContext: 64,
  maxWaiting: 16,
};

/** A prompt of tokens 1, 2, 3 …, unless it starts elsewhere. */
function request(
  requestId: string,
  promptLength: number,
  more: Partial<SequenceRequest> & { firstToken?: number } = {},
): SequenceRequest {
  const { firstToken = 1, ...rest } = more;
  const promptIds = Uint32Array.from({ length: promptLength }, (_, index) => index + firstToken);
  return { requestId, promptIds, sampling: {}, maxTokens: 1, stopTokenIds: new Set(), ...rest };
}

/** Schedules the next micro-batch and completes it with the same token for all. */
function step(scheduler: Scheduler, lane = 0): { batch: MicroBatch; outcomes: Outcome[] } {
  const batch = scheduler.next(lane);
  if (batch === undefined) throw new Error(`lane ${lane} has nothing to do`);
  return { batch, outcomes: batch.slices.length > 0 ? land(scheduler, batch) : [] };
}

function land(scheduler: Scheduler, batch: MicroBatch): Outcome[] {
  const sampled = batch.slices.filter(({ sample }) => sample);
  return scheduler.complete(
    batch,
    sampled.map(({ sequenceId }) => ({ sequenceId, tokenId: 99 })),
  );
}

describe("the prefix cache", () => {
  test("shares full blocks of whoever ran before, and counts them", () => {
    const scheduler = new Scheduler(defaults);
    scheduler.add(request("first", 10));
    step(scheduler);
    scheduler.add(request("second", 15));
    const { batch, outcomes } = step(scheduler);
    expect(batch.closed).toEqual([{ sequenceId: 1, keptBlocks: 2 }]);
    expect(batch.opened).toMatchObject([{ cachedLength: 8, cachedBlocks: [0, 1] }]);
    expect(batch.slices).toMatchObject([{ contextLength: 8, newBlocks: [2, 3] }]);
    expect(outcomes).toMatchObject([{ requestId: "second", cachedTokens: 8 }]);
    expect(scheduler.snapshot()).toMatchObject({
      blocksUsed: 0,
      blocksCached: 3,
      prefixQueries: 25,
      prefixHits: 8,
    });
  });

  test("shares blocks of those that run, also generated ones", () => {
    const scheduler = new Scheduler(defaults);
    scheduler.add(request("first", 4, { maxTokens: 9 }));
    for (let steps = 0; steps < 6; steps++) step(scheduler);
    const text = Uint32Array.of(1, 2, 3, 4, 99, 99, 99, 99, 7);
    scheduler.add({ ...request("second", 0), promptIds: text });
    expect(step(scheduler).batch.opened).toMatchObject([{ cachedLength: 8, cachedBlocks: [0, 1] }]);
    expect(scheduler.snapshot().blocksUsed).toBe(3);
  });

  test("has at least the last token computed, into a copy of its block", () => {
    const scheduler = new Scheduler(defaults);
    scheduler.add(request("first", 8));
    step(scheduler);
    scheduler.add(request("second", 8));
    const { batch } = step(scheduler);
    expect(batch.opened).toMatchObject([{ cachedLength: 7, cachedBlocks: [0, 1] }]);
    expect(batch.slices).toMatchObject([{ contextLength: 7, newBlocks: [2] }]);
    expect(scheduler.snapshot()).toMatchObject({ blocksUsed: 0, blocksCached: 2 });
  });

  test("gives up the copy where it needs all blocks", () => {
    const scheduler = new Scheduler({ ...defaults, blockCount: 2 });
    scheduler.add(request("first", 8));
    step(scheduler);
    scheduler.add(request("second", 8));
    const { batch } = step(scheduler);
    expect(batch.opened).toMatchObject([{ cachedLength: 4, cachedBlocks: [0] }]);
    expect(batch.slices).toMatchObject([{ newBlocks: [1] }]);
  });

  test("begins after whole blocks where a stage can do no other", () => {
    const scheduler = new Scheduler({ ...defaults, beginsInsideBlocks: false });
    scheduler.add(request("first", 8));
    step(scheduler);
    scheduler.add(request("second", 8));
    const { batch, outcomes } = step(scheduler);
    expect(batch.opened).toMatchObject([{ cachedLength: 4, cachedBlocks: [0] }]);
    expect(batch.slices).toMatchObject([{ contextLength: 4, newBlocks: [2] }]);
    expect(outcomes).toMatchObject([{ cachedTokens: 4 }]);
    scheduler.add(request("third", 4));
    expect(step(scheduler).batch.opened).toMatchObject([{ cachedLength: 0, cachedBlocks: [] }]);
    expect(scheduler.snapshot()).toMatchObject({ blocksUsed: 0, prefixHits: 4 });
  });

  test("lets go of what was used longest ago, ends before beginnings", () => {
    const scheduler = new Scheduler({ ...defaults, blockCount: 6 });
    scheduler.add(request("old", 8));
    step(scheduler);
    scheduler.add(request("new", 8, { firstToken: 50 }));
    step(scheduler);
    scheduler.add(request("large", 12, { firstToken: 80 }));
    step(scheduler);
    expect(scheduler.snapshot()).toMatchObject({ blocksCached: 6 });
    scheduler.add(request("old again", 9));
    expect(step(scheduler).batch.opened[0]).toMatchObject({ cachedLength: 4 });
    scheduler.add(request("large again", 13, { firstToken: 80 }));
    expect(step(scheduler).batch.opened[0]).toMatchObject({ cachedLength: 12 });
    scheduler.add(request("new again", 9, { firstToken: 50 }));
    expect(step(scheduler).batch.opened[0]).toMatchObject({ cachedLength: 0 });
  });

  test("does not find what went wrong, nor what is switched off", () => {
    const scheduler = new Scheduler(defaults);
    scheduler.add(request("first", 8, { maxTokens: 9 }));
    const failed = step(scheduler).batch;
    scheduler.fail("first");
    scheduler.add(request("second", 9));
    expect(step(scheduler).batch).toMatchObject({
      closed: [{ sequenceId: failed.slices[0]?.sequenceId, keptBlocks: 0 }],
      opened: [{ cachedLength: 0 }],
    });
    scheduler.fail("over long since");
    scheduler.add(request("third", 9));
    expect(step(scheduler).batch.opened).toMatchObject([{ cachedLength: 0 }]);
    const off = new Scheduler({ ...defaults, prefixCache: false });
    for (const id of ["a", "b"]) {
      off.add(request(id, 9));
      expect(step(off).batch.opened).toMatchObject([{ cachedLength: 0 }]);
    }
    expect(off.snapshot()).toMatchObject({ blocksCached: 0, prefixQueries: 0 });
  });

  test("does not take an equal block behind another beginning for the same", () => {
    const scheduler = new Scheduler(defaults);
    scheduler.add(request("first", 9));
    step(scheduler);
    const promptIds = Uint32Array.of(8, 8, 8, 8, 5, 6, 7, 8, 9);
    scheduler.add({ ...request("second", 0), promptIds });
    expect(step(scheduler).batch.opened).toMatchObject([{ cachedLength: 0, cachedBlocks: [] }]);
  });
});

describe("forks", () => {
  /** Four choices of a prompt of ten tokens, the first of them ahead by one micro-batch. */
  function forked(options: Partial<SchedulerOptions> = {}): Scheduler {
    const scheduler = new Scheduler({ ...defaults, ...options });
    const promptIds = request("", 10).promptIds;
    for (const id of ["a", "b", "c", "d"]) {
      scheduler.add({ ...request(id, 10, { maxTokens: 5 }), promptIds, ...(id !== "a" && { forkOf: "a" }) });
    }
    return scheduler;
  }

  test("wait for the prompt, then take one row each and a copy of the last block", () => {
    const scheduler = forked({ prefixCache: false });
    const first = step(scheduler).batch;
    expect(first.opened).toMatchObject([{ requestId: "a" }]);
    const { batch } = step(scheduler);
    expect(batch.opened.map(({ requestId }) => requestId)).toEqual(["b", "c", "d"]);
    for (const opened of batch.opened) {
      expect(opened).toMatchObject({ cachedLength: 9, cachedBlocks: [0, 1, 2] });
    }
    expect(batch.slices.map(({ tokenIds }) => tokenIds.length)).toEqual([1, 1, 1, 1]);
    expect(batch.slices.map(({ newBlocks }) => newBlocks)).toEqual([[], [3], [4], [5]]);
    expect(scheduler.snapshot()).toMatchObject({ running: 4, blocksUsed: 6 });
  });

  test("compute the prompt's last block anew where a stage cannot copy it", () => {
    const scheduler = forked({ prefixCache: false, beginsInsideBlocks: false });
    step(scheduler);
    const { batch } = step(scheduler);
    expect(batch.opened.map(({ requestId }) => requestId)).toEqual(["b", "c", "d"]);
    for (const opened of batch.opened) {
      expect(opened).toMatchObject({ cachedLength: 8, cachedBlocks: [0, 1] });
    }
    expect(batch.slices.map(({ tokenIds }) => tokenIds.length)).toEqual([1, 2, 2, 2]);
    expect(batch.slices.map(({ newBlocks }) => newBlocks)).toEqual([[], [3], [4], [5]]);
  });

  test("follow the prompt's micro-batch at once, in another lane", () => {
    const scheduler = forked({ laneCount: 2 });
    const first = scheduler.next(0);
    expect(scheduler.next(1)?.opened).toHaveLength(3);
    expect(first?.opened).toHaveLength(1);
  });

  test("have the first of them take the place of one that ends before", () => {
    const scheduler = forked();
    expect(scheduler.snapshot().waiting).toBe(4);
    scheduler.cancel("a");
    scheduler.cancel("c");
    expect(step(scheduler).batch.opened).toMatchObject([{ requestId: "b", cachedLength: 0 }]);
    expect(step(scheduler).batch.opened).toMatchObject([{ requestId: "d", cachedLength: 9 }]);
    for (const id of ["b", "d"]) scheduler.cancel(id);
    expect(scheduler.snapshot()).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
  });

  test("find the prompt in the cache when the one they are of is over", () => {
    const scheduler = forked({ maxSequences: 1 });
    for (let steps = 0; steps < 5; steps++) step(scheduler);
    expect(step(scheduler).batch.opened).toMatchObject([{ requestId: "b", cachedLength: 8 }]);
  });

  test("of another prompt are refused; of a request that is over they are requests as any", () => {
    const scheduler = forked();
    expect(() => scheduler.add(request("e", 9, { forkOf: "a" }))).toThrow(
      /"e" is a fork of "a" and has another/,
    );
    scheduler.add(request("f", 9, { forkOf: "gone" }));
    expect(scheduler.snapshot().waiting).toBe(5);
  });
});
