import { expect, test } from "vitest";
import { sampledToken } from "../../common/frame-codec.js";
import { Scheduler } from "./scheduler.js";
import type { MicroBatch, SchedulerOptions } from "./types.js";

function schedulerOf(options: Partial<SchedulerOptions>, requests: number): Scheduler {
  const scheduler = new Scheduler({
    laneCount: 2,
    blockSize: 16,
    blockCount: 100,
    maxSequences: 32,
    tokenBudget: 64,
    maxContext: 256,
    maxWaiting: 32,
    ...options,
  });
  for (let id = 0; id < requests; id++) {
    const promptIds = Uint32Array.of(100 + id, 2, 3, 4);
    scheduler.add({ requestId: `${id}`, promptIds, sampling: {}, maxTokens: 100, stopTokenIds: new Set() });
  }
  return scheduler;
}

/** Fills a lane, and gives what was put into it. */
function filled(scheduler: Scheduler, lane: number): MicroBatch[] {
  const batches: MicroBatch[] = [];
  for (let batch = scheduler.next(lane); batch !== undefined; batch = scheduler.next(lane))
    batches.push(batch);
  return batches;
}

function complete(scheduler: Scheduler, batch: MicroBatch, stepMs: number): void {
  const sampled = batch.slices.filter(({ sample }) => sample);
  scheduler.complete(
    batch,
    sampled.map(({ sequenceId }) => ({ sequenceId, tokenId: 9 })),
    stepMs,
  );
}

function goesAhead({ slices }: MicroBatch): number {
  return slices.filter(({ tokenIds }) => tokenIds[0] === sampledToken).length;
}

test("steps are sent ahead once a round of the lanes is seen to take less than the limit, and while it does", () => {
  const scheduler = schedulerOf({ sendAheadBelowMs: 20 }, 1);
  const round = (stepMs: number): number => {
    const [first, ...ahead] = filled(scheduler, 0);
    complete(scheduler, first as MicroBatch, stepMs);
    for (const batch of ahead) complete(scheduler, batch, stepMs);
    return ahead.length;
  };
  // What reads the prompt tells nothing of decoding yet.
  expect(round(9)).toBe(0);
  expect(round(9)).toBe(0);
  expect(round(9)).toBe(1);
  for (let steps = 0; steps < 40; steps++) round(11);
  expect(round(11)).toBe(0);
});

test("of several lanes that of the only request is sent ahead, until another comes", () => {
  const scheduler = schedulerOf({ sendAheadBelowMs: Number.POSITIVE_INFINITY }, 1);
  const [first, ahead] = filled(scheduler, 0) as [MicroBatch, MicroBatch];
  expect([goesAhead(first), goesAhead(ahead)]).toEqual([0, 1]);
  expect(filled(scheduler, 1)).toEqual([]);
  const promptIds = Uint32Array.of(7, 8);
  scheduler.add({ requestId: "another", promptIds, sampling: {}, maxTokens: 9, stopTokenIds: new Set() });
  complete(scheduler, first, 1);
  expect(filled(scheduler, 0)).toEqual([]);
  expect(filled(scheduler, 1).map(({ opened }) => opened.length)).toEqual([1]);
  expect(filled(scheduler, 0)).toEqual([]);
  complete(scheduler, ahead, 1);
  expect(filled(scheduler, 0).map(goesAhead)).toEqual([0]);
});
