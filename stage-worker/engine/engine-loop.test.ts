import { beforeEach, expect, test } from "vitest";
import { sampledToken } from "../../common/frame-codec.js";
import {
  batchOf,
  closings,
  opening,
  openingOn,
  runnerOptions,
  type SliceOf,
} from "../../test/fixtures/stage-fixtures.js";
import { EngineLoop } from "./engine-loop.js";
import type { EngineFrame, EngineResult } from "./engine-messages.js";
import { SharedCount } from "./shared-count.js";
import { SharedStats } from "./shared-stats.js";
import { createSimulatedRunner, instantSimulation } from "./simulated-runner.js";
import type { StageRunner } from "./stage-runner.js";

let nowUs: number;
let results: EngineResult[];
let stats: SharedStats;
let departures: SharedCount;

beforeEach(() => {
  nowUs = 0;
  results = [];
  stats = new SharedStats();
  departures = new SharedCount();
});

/** A loop over a runner whose forward takes a millisecond. */
function loopOver(runner: StageRunner): EngineLoop {
  return new EngineLoop({
    runner: {
      ...runner,
      forward: (batch, input) => {
        nowUs += 1_000;
        return runner.forward(batch, input);
      },
    },
    stats,
    departures,
    maxUnsent: () => 2,
    emit: (result) => {
      nowUs += 10;
      results.push(result);
    },
    clockUs: () => nowUs,
    wallUs: () => 5_000_000 + nowUs,
  });
}

function hiddenLoop(): EngineLoop {
  return loopOver(createSimulatedRunner(runnerOptions({ embedding: false, head: false }), instantSimulation));
}

function forward(slices: SliceOf[], sentAtUs = 0): EngineFrame {
  const batch = batchOf(slices);
  const rows = batch.lengths.reduce((sum, length) => sum + length, 0);
  return {
    kind: "forward",
    batch,
    input: { kind: "hidden", dtype: "FLOAT32", data: new Float32Array(rows * 64) },
    sentAtUs,
  };
}

function ofTokens(slices: SliceOf[], tokenIds: number[]): EngineFrame {
  const input = { kind: "tokens" as const, tokenIds: Uint32Array.from(tokenIds) };
  return { kind: "forward", batch: batchOf(slices), input, sentAtUs: 0 };
}

/** A result has left; the loop hears of it only when it waits. */
async function departed(loop: EngineLoop): Promise<void> {
  if (departures.add()) await loop.receive({ kind: "departed" });
}

function frame(content: EngineFrame) {
  return { kind: "frame" as const, frame: content, postedAtUs: 5_000_000 + nowUs };
}

test("frames are computed in order and their time is accounted", async () => {
  const loop = hiddenLoop();
  nowUs = 500;
  await loop.receive(frame({ kind: "open", openings: [opening(1)] }));
  await departed(loop);
  await loop.receive(frame(forward([{ id: 1, length: 4, blocks: [0] }])));
  nowUs = 2_000;
  expect(results.map(({ output }) => output?.kind)).toEqual([undefined, "hidden"]);
  expect(results[1]?.doneAtUs).toBe(5_001_510);
  expect(stats.read(nowUs)).toMatchObject({
    times: { busy: 1_000, send: 20, waitIn: 980, waitOut: 0 },
    steps: 1,
    tokens: 4,
    blocksUsed: 1,
    sequences: 1,
  });
});

test("it waits while two results have not left", async () => {
  const loop = hiddenLoop();
  await loop.receive(frame({ kind: "open", openings: [opening(1)] }));
  await loop.receive(frame(forward([{ id: 1, blocks: [0] }])));
  await loop.receive(frame(forward([{ id: 1, context: 1 }])));
  expect(results).toHaveLength(2);
  nowUs += 70;
  await departed(loop);
  expect(results).toHaveLength(3);
  expect(stats.read(nowUs).times.waitOut).toBe(70);
});

test("a batch that fails takes its sequences out of later frames, and nobody else", async () => {
  const loop = hiddenLoop();
  const step = async (content: EngineFrame): Promise<EngineResult | undefined> => {
    await loop.receive(frame(content));
    await departed(loop);
    return results.at(-1);
  };
  await step({ kind: "open", openings: [opening(1), opening(2)] });
  const failed = await step(forward([{ id: 1, context: 7, blocks: [0] }]));
  expect(failed).toMatchObject({ failure: { code: "INTERNAL", sequenceIds: [1] } });
  expect(failed).not.toHaveProperty("output");
  const mixed = await step(
    forward([
      { id: 1, context: 8 },
      { id: 2, length: 3, blocks: [1] },
    ]),
  );
  expect(mixed?.remaining?.sequenceIds).toEqual([2]);
  expect(mixed?.output?.kind === "hidden" && mixed.output.data.length).toBe(3 * 64);
  const alone = await step(forward([{ id: 1, context: 9 }]));
  expect(alone).toMatchObject({ remaining: { sequenceIds: [] } });
  expect(alone).not.toHaveProperty("failure");
  expect(await step({ kind: "close", closings: closings([1]) })).not.toHaveProperty("failure");
});

test("a failed opening is told with its sequences, and costs no other", async () => {
  const loop = hiddenLoop();
  await loop.receive(frame({ kind: "open", openings: [1, 2, 3, 4, 5].map((id) => opening(id)) }));
  expect(results[0]?.failure).toMatchObject({ code: "RESOURCE_EXHAUSTED", sequenceIds: [5] });
  await departed(loop);
  await loop.receive(frame({ kind: "close", closings: closings([3, 4]) }));
  await departed(loop);
  await loop.receive(frame({ kind: "open", openings: [openingOn(6, 3, [2]), opening(7)] }));
  expect(results.at(-1)?.failure).toMatchObject({ code: "FAILED_PRECONDITION", sequenceIds: [6] });
  await departed(loop);
  await loop.receive(frame(forward([{ id: 7, length: 3, blocks: [1] }])));
  expect(results.at(-1)).not.toHaveProperty("failure");
});

test("a hop ends when an idle engine has the frame, or when it reached a busy one", async () => {
  const loop = hiddenLoop();
  await loop.receive(frame({ kind: "open", openings: [opening(1)] }));
  await departed(loop);
  nowUs += 1_000;
  const idle = frame(forward([{ id: 1, blocks: [0] }], 5_000_000 + nowUs - 300));
  nowUs += 40;
  const first = loop.receive(idle);
  const queued = {
    ...frame(forward([{ id: 1, context: 1 }], 5_000_000 + nowUs - 500)),
    postedAtUs: 5_000_000 + nowUs - 400,
  };
  await Promise.all([first, loop.receive(queued)]);
  const { hopP50Us, hopP99Us } = stats.read(nowUs);
  expect([hopP50Us, hopP99Us]).toEqual([100, 340]);
});

test("a hop over a link ends when the engine has the frame, and begins when it could look", async () => {
  const loop = hiddenLoop();
  await loop.receive(frame({ kind: "open", openings: [opening(1)] }));
  await departed(loop);
  nowUs += 1_000;
  const linked = (context: number, sentAtUs: number) => ({
    kind: "frame" as const,
    frame: forward([{ id: 1, context, blocks: context === 0 ? [0] : [] }], 5_000_000 + sentAtUs),
  });
  const first = loop.receive(linked(0, nowUs - 250));
  const whileBusy = loop.receive(linked(1, nowUs - 900));
  await Promise.all([first, whileBusy]);
  await departed(loop);
  await departed(loop);
  const idleSinceUs = nowUs;
  nowUs += 30;
  await loop.receive(linked(2, idleSinceUs - 700));
  const { hopP50Us, hopP99Us } = stats.read(nowUs);
  expect([hopP50Us, hopP99Us]).toEqual([30, 250]);
});

test("a batch of which memory holds a part goes on with that part", async () => {
  const options = runnerOptions({ embedding: false, head: false });
  const loop = loopOver(createSimulatedRunner(options, { ...instantSimulation, mostScores: 20 }));
  await loop.receive(frame({ kind: "open", openings: [opening(1), opening(2)] }));
  await departed(loop);
  const first = forward([
    { id: 1, length: 4, blocks: [0] },
    { id: 2, length: 30, blocks: [1, 2], sample: false },
  ]);
  await loop.receive(frame(first));
  await departed(loop);
  expect(results[1]).toMatchObject({
    output: { kind: "hidden", data: { length: 4 * 64 } },
    remaining: { sequenceIds: [1], lengths: [4] },
    failure: {
      code: "RESOURCE_EXHAUSTED",
      sequenceIds: [2],
      message: expect.stringMatching(/--max-batch-tokens/),
    },
  });
  await loop.receive(
    frame(
      forward([
        { id: 1, context: 4 },
        { id: 2, context: 30 },
      ]),
    ),
  );
  expect(results[2]).toMatchObject({ remaining: { sequenceIds: [1] }, output: { data: { length: 64 } } });
  expect(results[2]?.failure).toBeUndefined();
});

test("a step that was sent ahead waits for its tokens, and idles meanwhile", async () => {
  const options = runnerOptions({ embedding: true, head: false });
  const given: number[] = [];
  const runner = createSimulatedRunner(options, instantSimulation);
  const loop = loopOver({
    ...runner,
    forward: (batch, input) => {
      if (input.kind === "tokens") given.push(...input.tokenIds);
      return runner.forward(batch, input);
    },
  });
  loop.followTokens();
  await loop.receive(frame({ kind: "open", openings: [opening(1), opening(2)] }));
  await departed(loop);
  await loop.receive(frame(ofTokens([{ id: 1, length: 2, blocks: [0] }], [5, 6])));
  await departed(loop);
  await loop.receive(frame(ofTokens([{ id: 1, context: 2 }], [sampledToken])));
  await loop.receive(frame(ofTokens([{ id: 2, blocks: [1] }], [9])));
  expect(results).toHaveLength(2);
  nowUs += 300;
  const { waitOut } = stats.read(nowUs).times;
  expect(waitOut).toBe(0);
  await loop.receive({ kind: "tokens", tokens: [{ sequenceId: 1, tokenId: 77 }] });
  await departed(loop);
  expect(given).toEqual([5, 6, 77, 9]);
  expect(results).toHaveLength(4);
});

test("a sequence of which no token came is left out of steps that wait for it", async () => {
  const loop = loopOver(
    createSimulatedRunner(runnerOptions({ embedding: true, head: false }), instantSimulation),
  );
  loop.followTokens();
  await loop.receive(frame({ kind: "open", openings: [opening(1), opening(2)] }));
  await departed(loop);
  const [one, two] = [
    { id: 1, blocks: [0] },
    { id: 2, blocks: [1] },
  ];
  await loop.receive(frame(ofTokens([one, two], [5, 6])));
  await departed(loop);
  const both = [
    { id: 1, context: 1 },
    { id: 2, context: 1 },
  ];
  await loop.receive(frame(ofTokens(both, [sampledToken, sampledToken])));
  await loop.receive({ kind: "tokens", tokens: [{ sequenceId: 2, tokenId: 8 }] });
  expect(results.at(-1)).toMatchObject({ remaining: { sequenceIds: [2] }, output: { data: { length: 64 } } });
});

test("a lost device ends the loop; what waits is not computed", async () => {
  const options = runnerOptions({ embedding: false, head: false });
  const loop = loopOver(createSimulatedRunner(options, { ...instantSimulation, lostAtRun: 2 }));
  await loop.receive(frame({ kind: "open", openings: [opening(1)] }));
  await departed(loop);
  await loop.receive(frame(forward([{ id: 1, blocks: [0] }])));
  await departed(loop);
  const lost = /the simulated device is lost at run 2/;
  await expect(loop.receive(frame(forward([{ id: 1, context: 1 }])))).rejects.toThrow(lost);
  await expect(loop.receive(frame(forward([{ id: 1, context: 2 }])))).rejects.toThrow(lost);
  expect(results).toHaveLength(2);
});
