import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { unaryHandler } from "../../common/grpc-handlers.js";
import { type GrpcServer, startGrpc } from "../../common/grpc-server.js";
import { createLogger } from "../../common/log.js";
import { v1 } from "../../common/proto.js";
import type { OpenLinkReply__Output } from "../../proto/gen/stagecoach/v1/OpenLinkReply.js";
import type { StageHandlers } from "../../proto/gen/stagecoach/v1/Stage.js";
import { type RunningWorker, runWorker } from "../../stage-worker/run-worker.js";
import { FakeCoordinator } from "../fixtures/fake-coordinator.js";
import { StageDriver } from "../fixtures/stage-driver.js";
import { opening, paperManifest } from "../fixtures/stage-fixtures.js";
import { temporaryHome } from "../fixtures/temporary-home.js";

const token = Buffer.alloc(16, 5);
/** Frames between stages are of a megabyte. */
const [tokens, blocksEach, count] = [256, 16, 120];
const bigManifest = Buffer.from(JSON.stringify(paperManifest({ hiddenSize: 1024 })));

let coordinator: FakeCoordinator;
let ends: (() => unknown)[];

beforeEach(async () => {
  coordinator = await FakeCoordinator.start();
  ends = [() => coordinator.close()];
});

afterEach(async () => {
  for (const end of ends.reverse()) await end();
});

async function startWorker(workerId: string): Promise<RunningWorker> {
  const worker = await runWorker({
    home: await temporaryHome(),
    join: coordinator.address,
    listen: "127.0.0.1:0",
    workerId,
    device: { device: "simulated" },
    threads: 1,
    logLevel: "silent",
  });
  ends.push(() => worker.close());
  return worker;
}

/** A next stage that takes connections and streams, and never reads. */
async function deafStage(way: "link" | "grpc"): Promise<{ address: string; hangUp: () => void }> {
  const sockets: Socket[] = [];
  const links: Server = createServer((socket) => {
    sockets.push(socket.pause());
    socket.on("error", () => undefined);
  });
  links.listen(0, "127.0.0.1");
  await once(links, "listening");
  const { port } = links.address() as { port: number };
  const server: GrpcServer = await startGrpc({
    services: [
      {
        definition: v1.Stage.service,
        implementation: {
          OpenLink: unaryHandler(() => ({ port: way === "link" ? port : 0, token })),
          Frames: (call) => {
            call.pause();
          },
        } as Partial<StageHandlers> as StageHandlers,
      },
    ],
    listen: "127.0.0.1:0",
    log: createLogger({ name: "deaf", level: "silent" }),
  });
  const hangUp = (): void => {
    for (const socket of sockets) socket.destroy();
    links.close();
  };
  ends.push(() => server.close(0), hangUp);
  return { address: server.address, hangUp: way === "link" ? hangUp : () => void server.close(0) };
}

test.each(["link", "grpc"] as const)(
  "a next stage that never reads stops the first one by %s, at bounded memory",
  async (way) => {
    const worker = await startWorker("w0");
    const deaf = await deafStage(way);
    const driver = new StageDriver([
      { address: worker.address, firstLayer: 0, endLayer: 2 },
      { address: deaf.address, firstLayer: 2, endLayer: 4 },
    ]);
    ends.push(() => driver.end());
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
    const steps = await settledSteps("w0");
    expect(steps).toBeGreaterThan(0);
    expect(steps).toBeLessThan(count / 2);
    expect(process.memoryUsage.rss() - before).toBeLessThan((count / 1.5) * 2 ** 20);
    deaf.hangUp();
    const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
    expect(failure?.message).toMatch(/stage 0: lost the next stage at 127\.0\.0\.1:/);
  },
);

test("a coordinator that does not listen stops the last stage", async () => {
  const worker = await startWorker("w0");
  const driver = new StageDriver([{ address: worker.address, firstLayer: 0, endLayer: 4 }]);
  ends.push(() => driver.end());
  await driver.loadStage(0);
  driver.openFrames();
  driver.open(Array.from({ length: 10 }, (_, id) => opening(id, 1)));
  for (let id = 0; id < 10; id++) driver.forward([{ id, blocks: [id] }]);
  expect(await settledSteps("w0")).toBe(2);
  driver.subscribe();
  expect(await driver.tokensOf(11)).toHaveLength(1);
});

test("a link takes nobody without its token, and only one", async () => {
  const workers = await Promise.all([startWorker("w0"), startWorker("w1")]);
  const driver = new StageDriver(
    workers.map(({ address }, index) => ({ address, firstLayer: index * 2, endLayer: index * 2 + 2 })),
  );
  ends.push(() => driver.end());
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

/** How far a worker came, once it did not come further in ten heartbeats. */
async function settledSteps(workerId: string): Promise<number> {
  let last = 0;
  for (let same = 0; same < 10; ) {
    const { stage } = await coordinator.heartbeatWhere(workerId, () => true);
    same = last > 0 && stage?.steps === last ? same + 1 : 0;
    last = stage?.steps ?? 0;
  }
  return last;
}
