import { afterEach, beforeEach, expect, test } from "vitest";
import type { MeasureLinkReply__Output } from "../../proto/gen/stagecoach/v1/MeasureLinkReply.js";
import { LooseWorkers } from "../fixtures/loose-workers.js";
import type { StageDriver } from "../fixtures/stage-driver.js";
import { opening } from "../fixtures/stage-fixtures.js";

/** Where nobody listens: whatever arrives came through memory. */
const nowhere = "127.0.0.1:1";

let workers: LooseWorkers;

beforeEach(async () => {
  workers = await LooseWorkers.prepare();
});

afterEach(() => workers.end());

/** Two workers of one process, the second of which is known by an address that leads nowhere. */
async function together() {
  const [first, second] = await workers.startTogether([{}, { advertise: nowhere }]);
  const load = async (driver: StageDriver): Promise<void> => {
    await Promise.all([driver.loadStage(0, { nextAddress: nowhere }), driver.loadStage(1)]);
    driver.subscribe();
    driver.openFrames();
  };
  return { first, second, chain: [first, second] as const, load };
}

/** One sequence's prompt and first step. */
async function answers(driver: StageDriver): Promise<void> {
  driver.open([opening(1, 1)]);
  expect(await driver.tokensOf(driver.forward([{ id: 1, blocks: [0] }]))).toHaveLength(1);
  expect(await driver.tokensOf(driver.forward([{ id: 1, context: 1 }]))).toHaveLength(1);
}

test("stages of one process need no network between them, and none for their end", async () => {
  const { chain, load } = await together();
  const driver = workers.driverOver(chain);
  await load(driver);
  await answers(driver);
  driver.frames.end();
  expect(await driver.framesEnd).toEqual({ frames: 3 });
});

test("a newer epoch takes over at both, as often as it comes", async () => {
  const { chain, load } = await together();
  let before: StageDriver | undefined;
  for (const epoch of [3, 4, 7]) {
    const driver = workers.driverOver(chain, epoch);
    await load(driver);
    await answers(driver);
    if (before !== undefined) expect(await before.framesEnd).toMatchObject({ code: 10 });
    before = driver;
  }
});

test("a neighbour that is loaded for another epoch is none", async () => {
  const { chain, load } = await together();
  await load(workers.driverOver(chain, 2));
  const driver = workers.driverOver(chain, 3);
  await driver.loadStage(0, { nextAddress: nowhere });
  driver.subscribe();
  driver.openFrames();
  driver.open([opening(1, 1)]);
  const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
  expect(failure?.message).toMatch(/stage 0: lost the next stage at 127\.0\.0\.1:1: /);
});

test("a first stage that is loaded anew breaks the second one, which can be loaded again", async () => {
  const { chain, load } = await together();
  const driver = workers.driverOver(chain, 1);
  await load(driver);
  await answers(driver);
  await workers.driverOver(chain, 2).loadStage(0, { nextAddress: nowhere });
  const { stage } = await workers.coordinator.heartbeatWhere("w1", ({ stage }) => stage?.state === "FAILED");
  expect(stage?.error).toMatch(/stage 1: the link into it broke off/);
  const again = workers.driverOver(chain, 3);
  await load(again);
  await answers(again);
});

test("a stage that fails takes the one behind it along", async () => {
  const { chain, load } = await together();
  const driver = workers.driverOver(chain);
  await load(driver);
  await answers(driver);
  driver.step++;
  driver.forward([{ id: 1, context: 2 }]);
  const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
  expect(failure?.message).toMatch(/stage 0: frame of step 5 where step 4 was due/);
  await workers.coordinator.heartbeatWhere("w1", ({ stage }) => stage?.state === "FAILED");
});

test("a worker that ends takes the other's stage along, not the other", async () => {
  const { chain, second, load } = await together();
  const driver = workers.driverOver(chain);
  await load(driver);
  await answers(driver);
  await second.close();
  const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
  expect(failure?.message).toMatch(/stage 0: lost the next stage at 127\.0\.0\.1:1: /);
  const alone = workers.driverOver(chain.slice(0, 1), 2);
  await alone.load();
  await answers(alone);
});

test("the way to a neighbour is timed in memory, without a network", async () => {
  const { chain } = await together();
  const driver = workers.driverOver(chain);
  const times = await new Promise<MeasureLinkReply__Output | undefined>((resolve, reject) => {
    driver.clients[0]?.measureLink({ address: nowhere }, (reason, reply) =>
      reason === null ? resolve(reply) : reject(reason),
    );
  });
  expect(times?.roundTripMs).toBeGreaterThan(0);
  expect(times?.bytesPerSecond).toBeGreaterThan(1e6);
});
