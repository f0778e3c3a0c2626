import { createHash } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import { instantSimulation, simulatedToken } from "../../stage-worker/engine/simulated-runner.js";
import type { WorkerOptions } from "../../stage-worker/run-worker.js";
import { LooseWorkers } from "../fixtures/loose-workers.js";
import type { StageDriver } from "../fixtures/stage-driver.js";
import { opening, paperManifest } from "../fixtures/stage-fixtures.js";
import { temporaryHome } from "../fixtures/temporary-home.js";

/** Ways over which a neighbour is seen to be alive or gone. */
const ways = ["transfer", "link"] as const;

let workers: LooseWorkers;

beforeEach(async () => {
  workers = await LooseWorkers.prepare();
});

afterEach(() => workers.end());

type Way = "transfer" | "link" | "grpc";

/** Two workers between which frames go so. */
function startTwo(way: Way, changes: readonly Partial<WorkerOptions>[] = []) {
  if (way === "transfer") return workers.startTogether(changes);
  return workers.startTwo([0, 1].map((index) => ({ ...changes[index], hops: way })));
}

/** A driver over two chained workers with two layers each. */
async function chain(way: Way, changes: readonly Partial<WorkerOptions>[] = []): Promise<StageDriver> {
  return workers.driverOver(await startTwo(way, changes));
}

test.each([
  ["transfer", "FLOAT32"],
  ["transfer", "FLOAT16"],
  ["transfer", "BFLOAT16"],
  ["transfer", "INT8"],
  ["link", "FLOAT32"],
  ["link", "FLOAT16"],
  ["link", "INT8"],
  ["grpc", "FLOAT32"],
  ["grpc", "BFLOAT16"],
] as const)(
  "tokens come out of two stages chained by %s in %s, in the order of the steps",
  async (way, activationDtype) => {
    const driver = await chain(way);
    const ready = await driver.load({ activationDtype });
    const report = { phase: "READY", blockCount: 64, beginsInsideBlocks: true };
    expect(ready).toMatchObject([report, report]);
    driver.open([opening(1, 5, { seed: 11 }), opening(2, 3, { seed: 22 })]);
    const prefill = driver.forward([
      { id: 1, length: 5, blocks: [0] },
      { id: 2, length: 2, blocks: [1], sample: false },
    ]);
    expect(await driver.tokensOf(prefill)).toEqual([simulatedToken(11, 5, 1000)]);
    const decode = driver.forward([
      { id: 1, context: 5 },
      { id: 2, context: 2 },
    ]);
    expect(await driver.tokensOf(decode)).toEqual([simulatedToken(11, 6, 1000), simulatedToken(22, 3, 1000)]);
    driver.close([1, 2]);
    driver.frames.end();
    expect(await driver.framesEnd).toEqual({ frames: 4 });
    expect(driver.outputs.map(({ step }) => step)).toEqual([2, 3]);
  },
);

test.each(ways)("a stage tells its state, its use and its hops by %s in heartbeats", async (way) => {
  const driver = await chain(way);
  await driver.load();
  driver.open([opening(1)]);
  driver.forward([{ id: 1, length: 4, blocks: [0] }]);
  for (let context = 4; context < 24; context++) {
    const step = driver.forward([{ id: 1, context, blocks: context === 16 ? [1] : [] }]);
    await driver.tokensOf(step);
  }
  const { stage } = await workers.coordinator.heartbeatWhere("w1", ({ stage }) => stage?.steps === 21);
  expect(stage).toMatchObject({
    state: "READY",
    epoch: 1,
    firstLayer: 2,
    endLayer: 4,
    blocksUsed: 2,
    blocksTotal: 64,
    sequences: 1,
    tokens: 24,
  });
  expect(stage?.hopP50Us).toBeGreaterThan(0);
  expect(stage?.hopP99Us).toBeGreaterThanOrEqual(stage?.hopP50Us ?? 0);
  const { busyMs = 0, waitInMs = 0, waitOutMs = 0, sendMs = 0 } = stage?.times ?? {};
  expect(busyMs).toBeGreaterThan(0);
  expect(waitInMs).toBeGreaterThan(0);
  expect(waitOutMs + sendMs).toBeGreaterThan(0);
});

test.each(ways)("a slow second stage holds the first one back by %s", async (way) => {
  const slow = { ...instantSimulation, layerPrefill: { alphaMs: 35, betaMs: 0 } };
  const driver = await chain(way, [{}, { simulation: slow }]);
  // Frames of a megabyte: eight fill HTTP/2's window, and the engines and streams hold about twenty.
  const manifest = paperManifest({ hiddenSize: 1024 });
  const [count, most, tokens, blocksEach] = [80, 45, 256, 16];
  await driver.load({
    manifestJson: Buffer.from(JSON.stringify(manifest)),
    blockCount: count * blocksEach,
    maxSequences: count,
  });
  let furthestAhead = 0;
  const stepsOf = (workerId: string) => workers.coordinator.heartbeats.get(workerId)?.stage?.steps ?? 0;
  workers.coordinator.on("heartbeat", () => {
    furthestAhead = Math.max(furthestAhead, stepsOf("w0") - stepsOf("w1"));
  });
  driver.open(Array.from({ length: count }, (_, index) => opening(index, tokens)));
  let last = 0;
  for (let id = 0; id < count; id++) {
    const blocks = Array.from({ length: blocksEach }, (_, index) => id * blocksEach + index);
    last = driver.forward([{ id, length: tokens, blocks }]);
  }
  expect(await driver.tokensOf(last)).toHaveLength(1);
  const { stage } = await workers.coordinator.heartbeatWhere("w0", ({ stage }) => stage?.steps === count);
  expect(stage?.times?.waitOutMs).toBeGreaterThan(0);
  expect(furthestAhead).toBeGreaterThan(0);
  expect(furthestAhead).toBeLessThan(most);
});

test("frames of an older epoch are dropped, those of a newer one refused", async () => {
  const worker = await workers.start("w0");
  const driver = workers.driverOver([worker], 5);
  await driver.load();
  const ghost = workers.driverOver([worker], 4);
  ghost.openFrames();
  ghost.open([opening(1)]);
  ghost.frames.end();
  expect(await ghost.framesEnd).toEqual({ frames: 0 });
  const early = workers.driverOver([worker], 6);
  early.openFrames();
  early.open([opening(1)]);
  expect(await early.framesEnd).toMatchObject({
    code: 9,
    details: expect.stringMatching(/frame of epoch 6, and epoch 5 is loaded/),
  });
  driver.open([opening(1, 1)]);
  expect(await driver.tokensOf(driver.forward([{ id: 1, blocks: [0] }]))).toHaveLength(1);
});

test("a newer epoch replaces what is loaded, an older one is refused", async () => {
  const worker = await workers.start("w0");
  const first = workers.driverOver([worker], 2);
  await first.load();
  first.open([opening(1, 1)]);
  await first.tokensOf(first.forward([{ id: 1, blocks: [0] }]));
  const second = workers.driverOver([worker], 3);
  await second.load();
  expect(await first.framesEnd).toMatchObject({
    code: 10,
    details: expect.stringMatching(/replaced by epoch 3/),
  });
  await expect(workers.driverOver([worker], 3).loadStage(0)).rejects.toMatchObject({ code: 9 });
  await expect(workers.driverOver([worker], 2).loadStage(0)).rejects.toMatchObject({
    code: 9,
    details: expect.stringMatching(/epoch 2 is not newer than epoch 3/),
  });
  second.open([opening(1, 1)]);
  expect(await second.tokensOf(second.forward([{ id: 1, blocks: [0] }]))).toHaveLength(1);
});

test("a gap in the steps fails the stage and is told on its outputs", async () => {
  const worker = await workers.start("w0");
  const driver = workers.driverOver([worker]);
  await driver.load();
  driver.open([opening(1, 1)]);
  driver.step++;
  driver.forward([{ id: 1, blocks: [0] }]);
  const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
  expect(failure).toMatchObject({
    code: 9,
    message: expect.stringMatching(/step 3 where step 2 was due/),
    sequenceIds: [],
  });
  expect(await driver.framesEnd).toMatchObject({ code: 9 });
  const { stage } = await workers.coordinator.heartbeatWhere("w0", ({ stage }) => stage?.state === "FAILED");
  expect(stage?.error).toMatch(/step 3 where step 2 was due/);
});

test.each(ways)("a batch that cannot be computed costs its own sequences only, by %s", async (way) => {
  const driver = await chain(way);
  await driver.load();
  driver.open([opening(1, 2), opening(2, 2)]);
  const bad = driver.forward([{ id: 1, length: 2, context: 7, blocks: [0] }]);
  const mixed = driver.forward([
    { id: 1, context: 9 },
    { id: 2, length: 2, blocks: [1] },
  ]);
  expect(await driver.tokensOf(mixed)).toHaveLength(1);
  const { step, failure } = await driver.outputWhere(({ payload }) => payload === "failure");
  expect(step).toBe(bad);
  expect(failure).toMatchObject({
    code: 13,
    message: expect.stringMatching(/stage 0: .*sequences? 1/),
    sequenceIds: [1],
  });
  expect(await driver.tokensOf(bad)).toEqual([]);
  driver.close([1]);
  expect(await driver.tokensOf(driver.forward([{ id: 2, context: 2 }]))).toHaveLength(1);
  expect(driver.outputs.filter(({ payload }) => payload === "failure")).toHaveLength(1);
});

test.each(ways)("a stage whose neighbour by %s dies says so", async (way) => {
  const [first, second] = await startTwo(way);
  const driver = workers.driverOver([first, second]);
  await driver.load();
  driver.open([opening(1, 1)]);
  await driver.tokensOf(driver.forward([{ id: 1, blocks: [0] }]));
  await second.close();
  const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
  expect(failure?.message).toMatch(/stage 0: lost the next stage at 127\.0\.0\.1:/);
  expect(failure?.sequenceIds).toEqual([]);
});

test("frames that do not add up fail the stage by the value", async () => {
  const worker = await workers.start("w0");
  const driver = workers.driverOver([worker]);
  await driver.load();
  driver.send({ forward: { sequenceIds: [1, 2], lengths: [1] } } as Frame);
  expect(await driver.framesEnd).toMatchObject({
    code: 3,
    details: expect.stringMatching(/2 sequenceIds and 0 contextLengths/),
  });
});

test("the coordinator can subscribe late and again", async () => {
  const worker = await workers.start("w0");
  const driver = workers.driverOver([worker]);
  await driver.loadStage(0);
  driver.openFrames();
  driver.open([opening(1, 1)]);
  const step = driver.forward([{ id: 1, blocks: [0] }]);
  driver.subscribe();
  expect(await driver.tokensOf(step)).toHaveLength(1);
  driver.subscribe();
  expect(await driver.tokensOf(driver.forward([{ id: 1, context: 1 }]))).toHaveLength(1);
  const stranger = workers.driverOver([worker], 9);
  stranger.subscribe();
  const reason = await new Promise((resolve) => stranger.once("end", resolve));
  expect(reason).toMatchObject({
    code: 9,
    details: expect.stringMatching(/epoch 9 is not served here; this worker is ready with epoch 1/),
  });
});

test("a blob with the wrong hash is refused and the store left clean", async () => {
  const home = await temporaryHome();
  await mkdir(home.blobs, { recursive: true });
  const worker = await workers.start("w0", { device: { device: "cpu" }, home });
  const right = Buffer.from("the right bytes");
  const sha256 = createHash("sha256").update(right).digest("hex");
  workers.coordinator.blobs.set(sha256, Buffer.from("the wrong bytes"));
  const manifest = paperManifest();
  const [embed, ...others] = manifest.blobs;
  const blobs = [{ ...embed, sha256, sizeBytes: right.length }, ...others];
  const change = {
    manifestJson: Buffer.from(JSON.stringify({ ...manifest, blobs })),
    blobAddress: workers.coordinator.address,
  };
  const driver = workers.driverOver([worker]);
  await expect(driver.loadStage(0, change)).rejects.toMatchObject({
    code: 15,
    details: expect.stringContaining(sha256),
  });
  expect(await readdir(home.blobs)).toEqual([]);
  await workers.coordinator.heartbeatWhere("w0", ({ stage }) => stage?.state === "FAILED");
});

test("a load that makes no sense is refused by the field", async () => {
  const worker = await workers.start("w0");
  const driver = workers.driverOver([worker]);
  await expect(driver.loadStage(0, { endLayer: 9 })).rejects.toMatchObject({
    code: 3,
    details: expect.stringMatching(/end_layer is 9/),
  });
  await expect(driver.loadStage(0, { blockSize: 0 })).rejects.toMatchObject({
    details: expect.stringMatching(/block_size is 0/),
  });
  await expect(driver.loadStage(0, { manifestJson: Buffer.from("{") })).rejects.toMatchObject({ code: 3 });
  await driver.load();
});

test.each(ways)("a simulated worker measures as its times say, and %s is timed", async (way) => {
  const [first, second] = await startTwo(way, [
    { simulation: { ...instantSimulation, head: { alphaMs: 1, betaMs: 2 } }, throttle: 2 },
  ]);
  const driver = workers.driverOver([first]);
  const client = driver.clients[0];
  const manifestJson = Buffer.from(JSON.stringify(paperManifest()));
  const times = await new Promise((resolve, reject) => {
    client?.measure({ manifestJson }, (reason, reply) => (reason ? reject(reason) : resolve(reply)));
  });
  expect(times).toMatchObject({ head: { alphaMs: 2, betaMs: 4 }, layerDecode: { alphaMs: 0, betaMs: 0 } });
  const link = await new Promise<{ roundTripMs: number; bytesPerSecond: number } | undefined>(
    (resolve, reject) => {
      client?.measureLink({ address: second.address }, (reason, reply) =>
        reason ? reject(reason) : resolve(reply),
      );
    },
  );
  expect(link?.roundTripMs).toBeGreaterThan(0);
  expect(link?.bytesPerSecond).toBeGreaterThan(1e6);
});

test("a worker joins again when the coordinator comes back, and leaves when asked", async () => {
  const hello = workers.coordinator.helloOf("w0");
  const worker = await workers.start("w0");
  const { incarnation, address } = await hello;
  expect(address).toBe(worker.address);
  await workers.driverOver([worker], 3).load();
  await workers.replaceCoordinator();
  expect((await workers.coordinator.helloOf("w0")).incarnation).toBe(incarnation);
  await workers.coordinator.heartbeatWhere("w0", ({ stage }) => stage?.state === "IDLE");
  workers.coordinator.askToLeave("w0");
  await worker.closed;
});

test("a worker that is refused ends with the coordinator's reason", async () => {
  workers.coordinator.refusal = new StagecoachError(
    "FAILED_PRECONDITION",
    "another version: install the same",
  );
  const worker = await workers.start("w0");
  await expect(worker.closed).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: expect.stringMatching(/refused this worker: .*install the same/),
  });
});
