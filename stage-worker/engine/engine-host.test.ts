import { expect, test } from "vitest";
import { encodeForward, encodeOpen } from "../../common/frame-codec.js";
import { frameBytes, readFrameBytes } from "../../common/wire/frame-bytes.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import { batchOf, opening, runnerOptions } from "../../test/fixtures/stage-fixtures.js";
import { EngineHost } from "./engine-host.js";
import type { EngineNews } from "./engine-messages.js";
import { instantSimulation } from "./simulated-runner.js";

const spec = {
  device: "simulated" as const,
  options: runnerOptions({ head: false, activationDtype: "FLOAT16" }),
  simulation: instantSimulation,
};
const place = { epoch: 4, stageIndex: 0, nextAddress: "127.0.0.1:1" };

/** Collects news and resolves when there are so many of a kind. */
function collector() {
  const news: EngineNews[] = [];
  let heard = (): void => {};
  let broke = (_reason: unknown): void => {};
  return {
    news,
    listeners: {
      onNews: (one: EngineNews) => {
        news.push(one);
        heard();
      },
      onBroken: (reason: unknown) => broke(reason),
    },
    until: (kind: EngineNews["kind"], count = 1) =>
      new Promise<void>((resolve, reject) => {
        broke = reject;
        heard = () => {
          if (news.filter((one) => one.kind === kind).length >= count) resolve();
        };
        heard();
      }),
  };
}

test("frames go to the engine's thread as bytes and come out for the next stage as bytes", async () => {
  const { news, listeners, until } = collector();
  const engine = await EngineHost.start({ spec, place }, listeners, new AbortController().signal);
  expect([engine.blockCount, engine.linkPort]).toEqual([8, 0]);
  let step = 1;
  const submit = (payload: Partial<Frame>) =>
    engine.submit(frameBytes({ epoch: 4, step: step++, lane: 1, ...payload }));
  submit({ open: encodeOpen([opening(1, 3, { logitBias: new Map([[5, 1]]) })]) });
  const batch = batchOf([{ id: 1, length: 3, blocks: [2] }], 1);
  submit({ forward: encodeForward(batch, { kind: "tokens", tokenIds: Uint32Array.of(5, 6, 7) }, 0) });
  await until("whichWay");
  engine.takeWay(undefined);
  await until("next", 2);
  const frames = news.flatMap((one) => (one.kind === "next" ? [readFrameBytes(one.bytes)] : []));
  expect(frames.map(({ epoch, step, lane, payload }) => [epoch, step, lane, payload])).toEqual([
    [4, 1, 1, "open"],
    [4, 2, 1, "forward"],
  ]);
  expect(frames[1]?.forward).toMatchObject({
    sequenceIds: [1],
    newBlockIds: [2],
    hidden: { dtype: "FLOAT16", shape: [3, 64], data: Buffer.alloc(384) },
  });
  const { times, ...facts } = engine.stats();
  expect(facts).toMatchObject({ steps: 1, tokens: 3, blocksUsed: 1, sequences: 1 });
  expect(times.busy).toBeGreaterThan(0);
  expect(engine.full).toBe(false);
  for (let count = 0; count < 3; count++) submit({ close: { sequenceIds: [] } });
  expect(engine.full).toBe(true);
  engine.resultSent();
  await until("taken");
  expect(news.filter(({ kind }) => kind === "next")).toHaveLength(3);
  await engine.close();
});

test("bytes that are no frame fail the stage by the field", async () => {
  const { news, listeners, until } = collector();
  const engine = await EngineHost.start({ spec, place }, listeners, new AbortController().signal);
  engine.submit(Uint8Array.of(0x08, 0x04, 0x2a, 0x05, 0x22, 0x7f));
  await until("failed");
  expect(news).toMatchObject([
    {
      failure: {
        code: "INVALID_ARGUMENT",
        message: expect.stringMatching(/Frame.forward says that it has 5/),
      },
    },
  ]);
  await engine.close();
});

test("a runner that cannot be made is told by its own error", async () => {
  const { listeners } = collector();
  const options = { ...runnerOptions(), manifest: undefined as never };
  const start = EngineHost.start(
    { spec: { ...spec, options }, place },
    listeners,
    new AbortController().signal,
  );
  await expect(start).rejects.toMatchObject({
    code: "INTERNAL",
    message: expect.stringMatching(/manifest|config|undefined/),
  });
});

test("starting ends with the signal", async () => {
  const controller = new AbortController();
  const start = EngineHost.start({ spec, place }, collector().listeners, controller.signal);
  controller.abort(new Error("replaced"));
  await expect(start).rejects.toThrow("replaced");
});
