import { setImmediate } from "node:timers/promises";
import { expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { sampledToken } from "../../common/frame-codec.js";
import { uint32View } from "../../common/tensor.js";
import { encodeTokens } from "../../common/token-codec.js";
import type { Forward } from "../../proto/gen/stagecoach/v1/Forward.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Output__Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { TokenEvent } from "../inference/types.js";
import { createScheduler } from "../scheduler/scheduler.js";
import type { SchedulerOptions } from "../scheduler/types.js";
import { Pipeline } from "./pipeline.js";
import type { RequestEnd } from "./running-request.js";

const epoch = 7;

test("a request's tokens come in order and its end is reported", async () => {
  const { pipeline, answerAll, ends } = setUp();
  const tokens = collect(pipeline.submit(request("a", [1, 2, 3], 3), never()));
  await answerAll();
  expect((await tokens).map(({ tokenId }) => tokenId)).toEqual([103, 104, 105]);
  expect((await tokens).at(-1)?.finished).toBe("length");
  expect(ends).toMatchObject([{ requestId: "a", outcome: "length", promptTokens: 3, completionTokens: 3 }]);
});

test("requests that come together fill all lanes, and steps are numbered without gaps", async () => {
  const { pipeline, frames, answerAll } = setUp();
  const all = ["a", "b", "c", "d"].map((id) => collect(pipeline.submit(request(id, [1, 2], 4), never())));
  await answerAll();
  for (const events of await Promise.all(all)) expect(events).toHaveLength(4);
  expect(new Set(frames.filter((frame) => frame.forward).map((frame) => frame.lane))).toEqual(
    new Set([0, 1]),
  );
  expect(frames.map((frame) => frame.step)).toEqual(frames.map((_, index) => index + 1));
  expect(frames.every((frame) => frame.epoch === epoch)).toBe(true);
});

test("a reader that leaves is closed at the stages, others go on", async () => {
  const { pipeline, frames, answerAll, ends } = setUp();
  const left = (async () => {
    for await (const _ of pipeline.submit(request("left", [1], 50), never())) break;
  })();
  const kept = collect(pipeline.submit(request("kept", [1], 5), never()));
  await answerAll();
  await left;
  expect(await kept).toHaveLength(5);
  await answerAll();
  expect(frames.flatMap((frame) => frame.close?.sequenceIds ?? [])).toHaveLength(2);
  expect(ends.find((end) => end.requestId === "left")?.outcome).toMatchObject({ code: "CANCELLED" });
});

test("an aborted request fails its reader and frees its blocks", async () => {
  const { pipeline, scheduler, answerAll } = setUp();
  const controller = new AbortController();
  const tokens = collect(pipeline.submit(request("a", [1, 2], 50), controller.signal));
  controller.abort();
  await expect(tokens).rejects.toMatchObject({ code: "CANCELLED" });
  await answerAll();
  expect(scheduler.snapshot()).toMatchObject({ running: 0, waiting: 0, blocksUsed: 0 });
});

test("a failure that names sequences ends those requests only", async () => {
  const { pipeline, frames, answerAll } = setUp();
  const doomed = collect(pipeline.submit(request("doomed", [1], 9), never()));
  await Promise.resolve();
  const kept = collect(pipeline.submit(request("kept", [1], 2), never()));
  await Promise.resolve();
  const [forward] = frames.filter((frame) => frame.forward);
  pipeline.receive(failure(forward?.step as number, [forward?.forward?.sequenceIds?.[0] as number]));
  await expect(doomed).rejects.toThrow("NaN in the logits");
  await answerAll();
  expect(await kept).toHaveLength(2);
});

test("a failure that is heard of after its step's answer ends those requests only", async () => {
  const { pipeline, frames, answerAll } = setUp();
  const doomed = collect(pipeline.submit(request("doomed", [1], 9), never()));
  const kept = collect(pipeline.submit(request("kept", [1], 2), never()));
  await Promise.resolve();
  const forward = frames.find((frame) => frame.forward) as Frame;
  const [first] = forward.forward?.sequenceIds ?? [];
  const whole = answer(forward, forward.forward as Forward);
  const rest = tokensMessage([{ sequenceId: first === 1 ? 2 : 1, tokenId: 101 }]);
  pipeline.receive({ ...whole, tokens: rest } as Output__Output);
  pipeline.receive(failure(forward.step as number, [first as number]));
  await expect(doomed).rejects.toThrow("NaN in the logits");
  await answerAll(1);
  expect(await kept).toHaveLength(2);
});

test("a step is sent ahead of the tokens that it goes on from", async () => {
  const { pipeline, frames, answerAll } = setUp({ laneCount: 1, sendAheadBelowMs: Infinity });
  const tokens = collect(pipeline.submit(request("a", [1, 2], 3), never()));
  await Promise.resolve();
  const forwards = () => frames.flatMap(({ forward }) => forward ?? []);
  expect(forwards().map(({ contextLengths }) => contextLengths)).toEqual([[0], [2]]);
  expect(uint32View(forwards()[1]?.tokenIds as Buffer)).toEqual(Uint32Array.of(sampledToken));
  await answerAll();
  expect((await tokens).map(({ tokenId }) => tokenId)).toEqual([102, 103, 104]);
  // Nothing is sent ahead for a sequence that ends with the token under way.
  expect(forwards().map(({ contextLengths }) => contextLengths)).toEqual([[0], [2], [3]]);
});

test("what was sent ahead waits for a failure that its forerunner waits for", async () => {
  const { pipeline, frames, answerAll, broken } = setUp({ laneCount: 1, sendAheadBelowMs: Infinity });
  const doomed = collect(pipeline.submit(request("doomed", [1], 9), never()));
  const kept = collect(pipeline.submit(request("kept", [1], 3), never()));
  await Promise.resolve();
  const [first, second] = frames.filter((frame) => frame.forward) as [Frame, Frame];
  const [doomedId, keptId] = first.forward?.sequenceIds ?? [];
  for (const [frame, tokenId] of [
    [first, 101],
    [second, 102],
  ] as const) {
    const rest = tokensMessage([{ sequenceId: keptId as number, tokenId }]);
    pipeline.receive({ ...answer(frame, frame.forward as Forward), tokens: rest } as Output__Output);
  }
  pipeline.receive(failure(first.step as number, [doomedId as number]));
  await expect(doomed).rejects.toThrow("NaN in the logits");
  await answerAll(2);
  expect((await kept).map(({ tokenId }) => tokenId)).toEqual([101, 102, 103]);
  expect(broken).toEqual([]);
});

test("what is cached is told with the first token, and no more after a failure", async () => {
  const { pipeline, frames, answerAll } = setUp();
  const prompt = [1, 2, 3, 4, 5, 6];
  const run = async (id: string): Promise<TokenEvent[]> => {
    const events = collect(pipeline.submit(request(id, prompt, 2), never()));
    await answerAll();
    return await events;
  };
  expect((await run("a")).map(({ cachedTokens }) => cachedTokens)).toEqual([undefined, undefined]);
  expect((await run("b")).map(({ cachedTokens }) => cachedTokens)).toEqual([4, undefined]);
  const cached = frames.flatMap((frame) => frame.open?.sequences?.at(0)?.cachedLength ?? []);
  expect(cached).toEqual([0, 4]);
  const closes = frames.flatMap((frame) => (frame.close ? [frame.close.keptBlockCounts] : []));
  expect(closes).toEqual([[1], [1]]);
});

test("a request that is refused is told when to come again", async () => {
  const { pipeline, answerAll } = setUp();
  const all = Array.from({ length: 16 }, (_, id) =>
    collect(pipeline.submit(request(`${id}`, [1], 2), never())),
  );
  expect(() => pipeline.submit(request("more", [1], 2), never())).toThrow(
    expect.objectContaining({
      code: "RESOURCE_EXHAUSTED",
      details: { maxWaiting: 8, retryAfterSeconds: 1 },
    }),
  );
  await answerAll();
  await Promise.all(all);
});

test("a failure of the whole stage, and a break, fail everybody with the first reason", async () => {
  const { pipeline, broken } = setUp();
  const tokens = collect(pipeline.submit(request("a", [1], 9), never()));
  pipeline.receive(failure(1, []));
  pipeline.break(new StagecoachError("UNAVAILABLE", "later"));
  await expect(tokens).rejects.toThrow("NaN in the logits");
  expect(broken).toHaveLength(1);
  expect(pipeline.ready).toBe(false);
  expect(() => pipeline.submit(request("b", [1], 1), never())).toThrow("NaN in the logits");
});

test("an answer to a step that is not in flight breaks the pipeline; another epoch's is dropped", () => {
  const { pipeline, broken } = setUp();
  const output = {
    epoch: 6,
    step: 99,
    lane: 0,
    payload: "tokens",
    tokens: encodeTokens([]),
  } as Output__Output;
  pipeline.receive(output);
  expect(broken).toHaveLength(0);
  pipeline.receive({ ...output, epoch });
  expect(broken[0]?.message).toMatch(/step 99/);
});

/** A pipeline over a real scheduler and stages that sample 100 + position. */
function setUp(more: Partial<SchedulerOptions> = {}) {
  const { laneCount = 2 } = more;
  const scheduler = createScheduler({
    laneCount,
    blockSize: 4,
    blockCount: 64,
    maxSequences: 8,
    tokenBudget: 4,
    maxContext: 64,
    maxWaiting: 8,
    ...more,
  });
  const frames: Frame[] = [];
  const broken: StagecoachError[] = [];
  const ends: RequestEnd[] = [];
  const pipeline = new Pipeline({
    epoch,
    laneCount,
    maxContext: 64,
    scheduler,
    frames: { write: (frame: Frame) => frames.push(frame) > 0 },
    onBroken: (reason) => broken.push(reason),
    observers: [{ onRequestEnd: (end) => ends.push(end) }],
  });
  let answered = 0;
  /** Answers what is sent until nothing more comes; the first `skip` forwards were answered by the test. */
  const answerAll = async (skip = 0): Promise<void> => {
    let left = skip;
    for (let idle = 0; idle < 3; idle++) {
      await setImmediate();
      for (; answered < frames.length; idle = 0) {
        const frame = frames[answered++];
        if (frame?.forward && left-- <= 0) pipeline.receive(answer(frame, frame.forward));
        await setImmediate();
      }
    }
  };
  return { pipeline, scheduler, frames, broken, ends, answerAll };
}

function answer({ step, lane }: Frame, forward: Forward): Output__Output {
  const sampled = (forward.sequenceIds ?? []).flatMap((sequenceId, index) => {
    const end = (forward.contextLengths?.[index] ?? 0) + (forward.lengths?.[index] ?? 0);
    return (forward.sample as Buffer)[index] === 1 ? [{ sequenceId, tokenId: 100 + end }] : [];
  });
  return { epoch, step, lane, payload: "tokens", tokens: tokensMessage(sampled) } as Output__Output;
}

/** As it arrives, with the wire's defaults. */
function tokensMessage(sampled: { sequenceId: number; tokenId: number }[]) {
  return { logprobs: [], topCounts: [], topTokenIds: [], topLogprobs: [], ...encodeTokens(sampled) };
}

function failure(step: number, sequenceIds: number[]): Output__Output {
  const reason = { code: 13, message: "NaN in the logits", sequenceIds };
  return { epoch, step, lane: 0, payload: "failure", failure: reason } as Output__Output;
}

function request(requestId: string, promptIds: number[], maxTokens: number) {
  return {
    requestId,
    promptIds: Uint32Array.from(promptIds),
    sampling: {},
    maxTokens,
    stopTokenIds: new Set<number>(),
  };
}

async function collect(events: AsyncIterable<TokenEvent>): Promise<TokenEvent[]> {
  const all: TokenEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function never(): AbortSignal {
  return new AbortController().signal;
}
