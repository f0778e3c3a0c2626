import { parentPort, workerData } from "node:worker_threads";
import { monotonicUs, WallClock } from "../../common/wall-clock.js";
import { createRunner } from "./create-runner.js";
import { Departures } from "./departures.js";
import { EngineLoop } from "./engine-loop.js";
import { type EngineThreadData, type FromEngine, failureOf, type ToEngine } from "./engine-messages.js";
import { SharedStats } from "./shared-stats.js";
import type { StageRunner } from "./stage-runner.js";

/** Entry of the engine's thread: makes the runner, then computes what the host posts until it is stopped. */
async function main({ spec, stats, departures }: EngineThreadData): Promise<void> {
  const runner = await createRunner(spec);
  const wall = new WallClock();
  const loop = new EngineLoop({
    runner,
    stats: new SharedStats(stats),
    departures: new Departures(departures),
    emit: (result) => {
      const hidden = result.output?.kind === "hidden" ? [result.output.hidden.buffer as ArrayBuffer] : [];
      post({ kind: "result", result }, hidden);
    },
    clockUs: monotonicUs,
    wallUs: () => wall.nowUs(),
  });
  parentPort?.on("message", (message: ToEngine) => {
    (message.kind === "stop" ? stop(loop, runner) : loop.receive(message)).catch(breakDown);
  });
  post({ kind: "ready", blockCount: runner.blockCount, weightBytes: runner.weightBytes });
}

async function stop(loop: EngineLoop, runner: StageRunner): Promise<void> {
  await loop.stop();
  await runner.close();
  post({ kind: "stopped" });
  parentPort?.close();
}

function breakDown(reason: unknown): void {
  post({ kind: "broken", failure: failureOf(reason) });
  parentPort?.close();
}

function post(message: FromEngine, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

main(workerData as EngineThreadData).catch(breakDown);
