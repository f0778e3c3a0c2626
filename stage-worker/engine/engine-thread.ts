import { parentPort, workerData } from "node:worker_threads";
import { monotonicUs, WallClock } from "../../common/wall-clock.js";
import { createRunner } from "./create-runner.js";
import { type EngineThreadData, type FromEngine, failureOf, type ToEngine } from "./engine-messages.js";
import { pinThread } from "./pin-thread.js";
import { StageEngine } from "./stage-engine.js";

/** Entry of the engine's thread: makes the runner, then serves the host until it is stopped. */
async function main(data: EngineThreadData): Promise<void> {
  if (data.spec.cpus !== undefined) pinThread(data.spec.cpus);
  const runner = await createRunner(data.spec);
  const wall = new WallClock();
  const engine = new StageEngine({
    ...data,
    runner,
    clockUs: monotonicUs,
    wallUs: () => wall.nowUs(),
    tell: (news) => post(news, "bytes" in news ? [news.bytes.buffer as ArrayBuffer] : []),
    onDefect: breakDown,
  });
  const linkPort = await engine.listen();
  parentPort?.on("message", (message: ToEngine) => receive(engine, message));
  const { blockCount, weightBytes, beginsInsideBlocks, memoryUse } = runner;
  const facts = {
    blockCount,
    weightBytes,
    beginsInsideBlocks,
    ...(memoryUse !== undefined && { memoryUse }),
  };
  post({ kind: "ready", ...facts, linkPort });
}

function receive(engine: StageEngine, message: ToEngine): void {
  switch (message.kind) {
    case "frame":
      engine.takeFrame(message.bytes, message.postedAtUs);
      break;
    case "end":
      engine.endFrames();
      break;
    case "departed":
      engine.departed();
      break;
    case "way":
      engine.takeWay(message.target);
      break;
    case "port":
      engine.takePort(message.end);
      break;
    case "takeTokens":
      engine.takeTokens(message.target);
      break;
    case "giveTokens":
      engine.giveTokens(message.end);
      break;
    case "stop":
      engine.stop().then(() => {
        post({ kind: "stopped" });
        parentPort?.close();
      }, breakDown);
  }
}

function breakDown(reason: unknown): void {
  post({ kind: "broken", failure: failureOf(reason) });
  parentPort?.close();
}

function post(message: FromEngine, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

main(workerData as EngineThreadData).catch(breakDown);
