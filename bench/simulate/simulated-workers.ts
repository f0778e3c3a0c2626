import type { ModelShape, PlanRequest, WorkerProfile } from "../../coordinator/planner/types.js";
import { seededRandom } from "../random.js";

/** Layers a stage, in the mean. */
const layersPerStage = 2;

/**
 * A model and as many workers as stages for it: of one kind, but up to a tenth apart, as machines of one purchase
 * are, with links of 0.2 ms.
 */
export function simulatedPlanRequest(stages: number, concurrency: number): PlanRequest {
  const random = seededRandom(stages);
  const workers = Array.from({ length: stages }, (_, index) =>
    workerProfile(`w${index}`, 0.95 + 0.1 * random()),
  );
  const nodes = ["", ...workers.map(({ workerId }) => workerId)];
  return {
    model: modelShape(stages * layersPerStage),
    workers,
    links: nodes.flatMap((from) =>
      nodes.filter((to) => to !== from).map((to) => ({ from, to, roundTripMs: 0.2, bytesPerSecond: 1e10 })),
    ),
    concurrency,
    kvTokens: 65_536,
    stages,
  };
}

function workerProfile(workerId: string, slowness: number): WorkerProfile {
  const time = (alphaMs: number, betaMs: number) => ({
    alphaMs: alphaMs * slowness,
    betaMs: betaMs * slowness,
  });
  return {
    workerId,
    device: "simulated",
    layerDecode: time(0.4, 0.02),
    layerPrefill: time(0.4, 0.01),
    embedding: time(0.01, 0.0005),
    head: time(0.2, 0.01),
    freeMemoryBytes: 64 * 2 ** 30,
  };
}

function modelShape(layerCount: number): ModelShape {
  return {
    layerCount,
    hiddenSize: 4096,
    hiddenBytes: 4 * 4096,
    kvBytesPerTokenLayer: 4096,
    embeddingBytes: 2 ** 28,
    layerBytes: Array.from({ length: layerCount }, () => 2 ** 27),
    headBytes: 2 ** 28,
    tiedEmbedding: false,
  };
}
