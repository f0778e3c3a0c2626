import { afterEach, beforeEach, expect, test } from "vitest";
import { StageClient } from "../../coordinator/pipeline/stage-client.js";
import { instantSimulation } from "../../stage-worker/engine/simulated-runner.js";
import type { RunningWorker } from "../../stage-worker/run-worker.js";
import { LooseWorkers } from "../fixtures/loose-workers.js";
import type { StageDriver } from "../fixtures/stage-driver.js";
import { opening } from "../fixtures/stage-fixtures.js";

let workers: LooseWorkers;

beforeEach(async () => {
  workers = await LooseWorkers.prepare();
});

afterEach(() => workers.end());

type Chain = [RunningWorker, RunningWorker];

/** Two loaded stages, of which the first is to take its tokens from the second; and whether it does. */
async function join(chain: Chain, epoch = 1): Promise<{ driver: StageDriver; taken: boolean }> {
  const driver = workers.driverOver(chain, epoch);
  await Promise.all([driver.loadStage(0), driver.loadStage(1)]);
  const [first, last] = chain.map(({ address }) => {
    const client = new StageClient("w", address);
    workers.scope.add(() => client.close());
    return client;
  }) as [StageClient, StageClient];
  const taken = await first.takeTokens(epoch, last.address);
  await driver.openWays([first, last]);
  return { driver, taken };
}

/** A worker whose memory does not hold attention over more than 20 tokens. */
const small = {
  device: { device: "simulated", simulation: { ...instantSimulation, mostScores: 20 } },
} as const;

test.each(["link", "transfer"] as const)("steps sent ahead get their tokens by %s", async (way) => {
  const chain = await (way === "link" ? workers.startTwo() : workers.startTogether());
  const { driver, taken } = await join(chain);
  expect(taken).toBe(true);
  driver.open([opening(1, 1), opening(2, 1)]);
  driver.forward([{ id: 1, blocks: [0] }]);
  driver.forward([{ id: 2, blocks: [16] }]);
  const steps = Array.from({ length: 100 }, (_, index) => {
    const context = index + 1;
    const blocks = (first: number) => (context % 16 === 0 ? [first + context / 16] : []);
    return driver.forwardAhead([
      { id: 1, context, blocks: blocks(0) },
      { id: 2, context, blocks: blocks(16) },
    ]);
  });
  for (const step of steps) expect(await driver.tokensOf(step)).toHaveLength(2);
  expect(driver.outputs.filter(({ payload }) => payload === "failure")).toEqual([]);
});

test("a sequence that fails behind the first stage leaves the steps that wait for its token", async () => {
  const { driver } = await join(await workers.startTwo([{}, small]));
  driver.open([opening(1, 1), opening(2, 30)]);
  const mixed = driver.forward([
    { id: 1, blocks: [0] },
    { id: 2, length: 30, blocks: [1, 2] },
  ]);
  const both = driver.forwardAhead([
    { id: 1, context: 1 },
    { id: 2, context: 30 },
  ]);
  const gone = driver.forwardAhead([{ id: 2, context: 31 }]);
  const alone = driver.forwardAhead([{ id: 1, context: 2 }]);
  expect(await driver.tokensOf(alone)).toHaveLength(1);
  const answers = driver.outputs.map(({ step, tokens, failure }) => [
    step,
    tokens?.sequenceIds ?? failure?.sequenceIds,
  ]);
  expect(answers).toEqual([
    [mixed, [2]],
    [mixed, [1]],
    [both, [1]],
    [gone, []],
    [alone, [1]],
  ]);
});

test("without links, tokens are not taken, and a step that counts on them fails alone", async () => {
  const { driver, taken } = await join(await workers.startTwo([{}, { hops: "grpc" }]));
  expect(taken).toBe(false);
  driver.open([opening(1, 1), opening(2, 1)]);
  driver.forward([{ id: 1, blocks: [0] }]);
  driver.forwardAhead([{ id: 1, context: 1 }]);
  const next = driver.forward([{ id: 2, blocks: [1] }]);
  expect(await driver.tokensOf(next)).toHaveLength(1);
  const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
  expect(failure?.message).toMatch(/stage 0: sequence 1 is to go on from its last token/);
});

test("tokens of a pipeline that is not loaded are refused by name", async () => {
  const chain = await workers.startTwo();
  await join(chain, 3);
  const client = new StageClient("w0", chain[0].address);
  workers.scope.add(() => client.close());
  await expect(client.takeTokens(4, chain[1].address)).rejects.toThrow(/epoch 4 is not served here/);
});

test.each(["link", "transfer"] as const)(
  "a last stage that is loaded anew ends the first one, by %s",
  async (way) => {
    const chain = await (way === "link" ? workers.startTwo() : workers.startTogether());
    const { driver } = await join(chain);
    driver.open([opening(1, 1)]);
    await driver.tokensOf(driver.forward([{ id: 1, blocks: [0] }]));
    await workers.driverOver(chain, 2).loadStage(1);
    const { stage } = await workers.coordinator.heartbeatWhere(
      "w0",
      ({ stage }) => stage?.state === "FAILED",
    );
    expect(stage?.error).toMatch(/stage 0: lost the (link for tokens from the last stage|next stage at )/);
  },
);
