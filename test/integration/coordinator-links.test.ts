import { EventEmitter, once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { StagecoachError } from "../../common/errors.js";
import { unaryHandler } from "../../common/grpc-handlers.js";
import { LinkReader } from "../../common/wire/link-framing.js";
import { StageClient } from "../../coordinator/pipeline/stage-client.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { OpenLinkRequest__Output } from "../../proto/gen/stagecoach/v1/OpenLinkRequest.js";
import type { Output__Output } from "../../proto/gen/stagecoach/v1/Output.js";
import { LooseWorkers } from "../fixtures/loose-workers.js";
import { listenForLinks, type PaperStage, startPaperStage } from "../fixtures/paper-stage.js";
import { opening } from "../fixtures/stage-fixtures.js";

let workers: LooseWorkers;

beforeEach(async () => {
  workers = await LooseWorkers.prepare();
});

afterEach(() => workers.end());

/** A client that keeps what came by the Outputs stream. */
class ListeningClient extends StageClient {
  readonly byGrpc: Output__Output[] = [];

  override subscribe(...[epoch, onOutput, onEnd]: Parameters<StageClient["subscribe"]>): () => void {
    const keep = (output: Output__Output): void => {
      this.byGrpc.push(output);
      onOutput(output);
    };
    return super.subscribe(epoch, keep, onEnd);
  }
}

function clientOf({ address }: { address: string }): ListeningClient {
  const client = new ListeningClient("w", address);
  workers.scope.add(() => client.close());
  return client;
}

test.each(["link", "grpc"] as const)("by %s, outputs come once each, in their order", async (hops) => {
  const worker = await workers.start("w0", { hops });
  const driver = workers.driverOver([worker]);
  await driver.loadStage(0);
  const client = clientOf(worker);
  await driver.openWays([client]);
  driver.open([opening(1, 1)]);
  driver.forward([{ id: 1, blocks: [0] }]);
  const unknown = driver.forward([{ id: 7, blocks: [1] }]);
  for (let context = 1; context < 200; context++)
    driver.forward([{ id: 1, context, blocks: context % 16 ? [] : [1 + context / 16] }]);
  await driver.tokensOf(driver.step);
  const failures = driver.outputs.filter(({ payload }) => payload === "failure");
  expect(failures).toMatchObject([{ step: unknown, failure: { sequenceIds: [7] } }]);
  expect(driver.outputs.map(({ step, payload }) => `${payload} ${step}`)).toEqual([
    "tokens 2",
    "failure 3",
    ...Array.from({ length: 200 }, (_, index) => `tokens ${index + 3}`),
  ]);
  expect(client.byGrpc).toHaveLength(hops === "grpc" ? driver.outputs.length : 0);
});

test("through two stages, only the first one's failures come by gRPC", async () => {
  const chain = await workers.startTwo();
  const driver = workers.driverOver(chain);
  await Promise.all([driver.loadStage(0), driver.loadStage(1)]);
  const [first, last] = chain.map(clientOf) as [ListeningClient, ListeningClient];
  await driver.openWays([first, last]);
  driver.open([opening(1, 1)]);
  const good = driver.forward([{ id: 1, blocks: [0] }]);
  const bad = driver.forward([{ id: 7, blocks: [1] }]);
  expect(await driver.tokensOf(good)).toHaveLength(1);
  expect(await driver.tokensOf(bad)).toEqual([]);
  await driver.outputWhere(({ payload }) => payload === "failure");
  expect(first.byGrpc.map(({ step }) => step)).toEqual([bad]);
  expect(last.byGrpc).toEqual([]);
});

test("a coordinator that does not read its link holds the last stage back, and loses nothing", async () => {
  const [rows, count] = [32, 800];
  const worker = await workers.start("w0");
  const driver = workers.driverOver([worker]);
  await driver.loadStage(0, { blockCount: rows * 64 });
  const socket = (await clientOf(worker).linkOutputs(1)) as Socket;
  workers.scope.add(() => socket.destroy());
  driver.openFrames();
  const ids = Array.from({ length: rows }, (_, id) => id);
  driver.open(ids.map((id) => opening(id, 1, { topLogprobs: 100, wantLogprobs: true })));
  for (let context = 0; context < count; context++) {
    const blocks = (id: number): number[] => (context % 16 === 0 ? [id * 64 + context / 16] : []);
    driver.forward(ids.map((id) => ({ id, context, blocks: blocks(id) })));
  }
  const steps = await workers.settledSteps("w0");
  expect(steps).toBeGreaterThan(0);
  expect(steps).toBeLessThan(count / 2);

  const reader = new LinkReader();
  let messages = 0;
  socket.on("data", (chunk: Buffer) => {
    messages += [...reader.read(chunk)].length;
    if (messages === count) socket.emit("all");
  });
  socket.resume();
  await once(socket, "all");
});

test("a stage whose output link breaks fails, and says so by gRPC", async () => {
  const worker = await workers.start("w0");
  const driver = workers.driverOver([worker]);
  await driver.loadStage(0);
  const socket = (await clientOf(worker).linkOutputs(1)) as Socket;
  driver.subscribe();
  driver.openFrames();
  driver.open([opening(1, 1)]);
  driver.forward([{ id: 1, blocks: [0] }]);
  await once(socket, "readable");
  socket.destroy();
  const { failure } = await driver.outputWhere(({ payload }) => payload === "failure");
  expect(failure).toMatchObject({ code: 14, sequenceIds: [] });
  expect(failure?.message).toMatch(/stage 0: the link for its outputs broke off: /);
});

test("an output link that was given up before the first output leaves them to gRPC", async () => {
  const worker = await workers.start("w0");
  const driver = workers.driverOver([worker]);
  await driver.loadStage(0);
  const client = clientOf(worker);
  const socket = (await client.linkOutputs(1)) as Socket;
  socket.destroy();
  await once(socket, "close");
  // Its token was good for once.
  expect(await client.linkOutputs(1)).toBeUndefined();
  driver.subscribe();
  driver.openFrames();
  driver.open([opening(1, 1)]);
  expect(await driver.tokensOf(driver.forward([{ id: 1, blocks: [0] }]))).toHaveLength(1);
});

test("a newer epoch frees the links of the one before, and their port", async () => {
  const worker = await workers.start("w0");
  await workers.driverOver([worker]).loadStage(0);
  const client = clientOf(worker);
  const frames = (await client.linkFrames(1)) as Socket;
  const waitingPort = frames.remotePort as number;
  const closed = once(frames.resume(), "close");
  await workers.driverOver([worker], 2).loadStage(0);
  await closed;
  const late = connect(waitingPort, "127.0.0.1");
  const [reason] = (await once(late, "error")) as [NodeJS.ErrnoException];
  expect(reason.code).toBe("ECONNREFUSED");
});

/** A stage that says that links end at `port`, and answers each frame that comes by gRPC. */
function answeringStage(port: number): Promise<PaperStage> {
  const heard = new EventEmitter<{ frame: [Frame] }>();
  return startPaperStage(workers.scope, {
    OpenLink: unaryHandler(({ purpose }: OpenLinkRequest__Output) => ({
      port,
      token: Buffer.alloc(16, purpose === "LINK_FRAMES" ? 0 : 1),
    })),
    Frames: (call) => {
      call.on("data", (frame: Frame) => heard.emit("frame", frame));
    },
    Outputs: (call) => {
      heard.on("frame", ({ epoch = 0, step = 0, lane = 0 }) =>
        call.write({ epoch, step, lane, tokens: { sequenceIds: [1], tokenIds: [5] } }),
      );
    },
  });
}

test("where the port cannot be reached, frames and outputs go by gRPC", async () => {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  const stage = await answeringStage(port);
  const driver = workers.driverOver([stage]);
  await driver.openWays([clientOf(stage)]);
  expect(await driver.tokensOf(driver.forward([{ id: 1, blocks: [0] }]))).toEqual([5]);
});

test.each(["says another token back", "hangs up"])("an end that %s is no output link", async (what) => {
  const port = await listenForLinks(workers.scope, (socket) =>
    socket.once("data", () => (what === "hangs up" ? socket.end() : socket.write(Buffer.alloc(16, 4)))),
  );
  const stage = await answeringStage(port);
  expect(await clientOf(stage).linkOutputs(1)).toBeUndefined();
});

test.each(["outputs", "frames"])("a link for %s that breaks is told as UNAVAILABLE", async (what) => {
  const links: { frames?: Socket; outputs?: Socket } = {};
  const port = await listenForLinks(workers.scope, (socket) => {
    socket.once("data", (said) => {
      const purpose = said[0] === 0 ? "frames" : "outputs";
      links[purpose] = socket;
      if (purpose === "outputs") socket.write(said);
      else socket.once("data", () => links[what as "frames"]?.resetAndDestroy());
    });
  });
  const stage = await answeringStage(port);
  const driver = workers.driverOver([stage]);
  const ended = once(driver as EventEmitter, "end");
  await driver.openWays([clientOf(stage)]);
  driver.open([opening(1, 1)]);
  const [reason] = (await ended) as [StagecoachError];
  expect(reason.code).toBe("UNAVAILABLE");
  expect(reason.message).toMatch(`lost the link for ${what} of worker "w" at ${stage.address}: `);
});
