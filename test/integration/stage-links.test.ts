import { connect, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { unaryHandler } from "../../common/grpc-handlers.js";
import type { OpenLinkReply__Output } from "../../proto/gen/stagecoach/v1/OpenLinkReply.js";
import { LooseWorkers } from "../fixtures/loose-workers.js";
import { listenForLinks, type PaperStage, startPaperStage } from "../fixtures/paper-stage.js";
import { opening, paperManifest } from "../fixtures/stage-fixtures.js";

const token = Buffer.alloc(16, 5);
/** Frames between stages are of a megabyte. */
const [tokens, blocksEach, count] = [256, 16, 120];
const bigManifest = Buffer.from(JSON.stringify(paperManifest({ hiddenSize: 1024 })));

let workers: LooseWorkers;

beforeEach(async () => {
  workers = await LooseWorkers.prepare();
});

afterEach(() => workers.end());

/** A next stage that takes connections and streams, and never reads. */
async function deafStage(way: "link" | "grpc"): Promise<PaperStage> {
  const { scope } = workers;
  const sockets: Socket[] = [];
  const hangUpLinks = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
  };
  const links = await listenForLinks(scope, (socket) => sockets.push(socket.pause()));
  scope.add(hangUpLinks);
  const { address, hangUp } = await startPaperStage(scope, {
    OpenLink: unaryHandler(() => ({ port: way === "link" ? links : 0, token })),
    Frames: (call) => {
      call.pause();
    },
  });
  return { address, hangUp: way === "link" ? hangUpLinks : hangUp };
}

test.each(["link", "grpc"] as const)(
  "a next stage that never reads stops the first one by %s, at bounded memory",
  async (way) => {
    const worker = await workers.start("w0");
    const deaf = await deafStage(way);
    const driver = workers.driverOver([worker, deaf]);
    const limits = { manifestJson: bigManifest, blockCount: count * blocksEach, maxSequences: count };
    await driver.loadStage(0, limits);
    driver.subscribe();
    driver.openFrames();
    const before = process.memoryUsage.rss();
    driver.open(Array.from({ length: count }, (_, id) => opening(id, tokens)));
    for (let id = 0; id < count; id++) {
      const blocks = Array.from({ length: blocksEach }, (_, index) => id * blocksEach + index);
      driver.forward([{ id, length: tokens, blocks }]);
    }
    const steps = await workers.settledSteps("w0");
    expect(steps).toBeGreaterThan(0);
    expect(steps).toBeLessThan(count / 2);
    expect(process.memoryUsage.rss() - before).toBeLessThan((count / 1.5) * 2 ** 20);
    await deaf.hangUp();
    const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
    expect(failure?.message).toMatch(/stage 0: lost the next stage at 127\.0\.0\.1:/);
  },
);

test("a coordinator that does not listen stops the last stage", async () => {
  const driver = workers.driverOver([await workers.start("w0")]);
  await driver.loadStage(0);
  driver.openFrames();
  driver.open(Array.from({ length: 10 }, (_, id) => opening(id, 1)));
  for (let id = 0; id < 10; id++) driver.forward([{ id, blocks: [id] }]);
  expect(await workers.settledSteps("w0")).toBe(2);
  driver.subscribe();
  expect(await driver.tokensOf(11)).toHaveLength(1);
});

test("a link takes nobody without its token, and only one", async () => {
  const driver = workers.driverOver(await workers.startTwo());
  await driver.load();
  const { port, token: right } = await new Promise<OpenLinkReply__Output>((resolve, reject) => {
    driver.clients[1]?.openLink({ epoch: 1 }, (reason, reply) =>
      reply === undefined ? reject(reason) : resolve(reply),
    );
  });
  await refused(port, token);
  driver.open([opening(1, 1)]);
  const step = driver.forward([{ id: 1, blocks: [0] }]);
  expect(await driver.tokensOf(step)).toHaveLength(1);
  await refused(port, right);
  expect(await driver.tokensOf(driver.forward([{ id: 1, context: 1 }]))).toHaveLength(1);
});

/** Connects, says a token, and resolves when it was sent away. */
async function refused(port: number, says: Buffer): Promise<void> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.on("connect", () => socket.write(says));
  socket.resume();
  await new Promise((resolve) => socket.once("close", resolve));
}
