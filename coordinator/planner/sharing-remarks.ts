import type { Choice } from "./choice.js";
import { choosePipeline } from "./choose.js";
import type { PlanRequest } from "./types.js";

/**
 * What is to be known of stages that share a device: that they take turns, and what a stage a device would reach.
 * Empty where none do.
 */
export function sharingRemarks(request: PlanRequest, choice: Choice): string[] {
  const { workers, concurrency, promptTokensPerToken = 0 } = request;
  const prompts = promptTokensPerToken > 0 ? " and their prompts" : "";
  const used = choice.assignment.order.map((worker) => workers[worker]);
  const devices = new Map<string, string[]>();
  for (const worker of used) {
    if (worker?.deviceId === undefined) continue;
    devices.set(worker.deviceId, [...(devices.get(worker.deviceId) ?? []), worker.workerId]);
  }
  const shared = [...devices.values()].filter((names) => names.length > 1);
  if (shared.length === 0) return [];
  const groups = shared.map((names) => names.join(" + ")).join(", ");
  const words = `stages on one GPU take turns (${groups}): what they take adds up`;
  const apart = oneStageADevice(request);
  if (apart === undefined) return [`${words}; the model does not fit fewer stages`];
  const rate = (each: Choice) => each.tokensPerSecond.toFixed(0);
  return [
    `${words}; with one stage a GPU (--stages ${apart.stageCount}) it would be about ${rate(apart)} tok/s with ` +
      `${concurrency} sequences${prompts}, this plan makes ${rate(choice)}`,
  ];
}

function oneStageADevice(request: PlanRequest): Choice | undefined {
  const { stages: _, ...free } = request;
  const seen = new Set<string>();
  const workers = request.workers.filter(({ deviceId }) => {
    if (deviceId === undefined) return true;
    const first = !seen.has(deviceId);
    seen.add(deviceId);
    return first;
  });
  return choosePipeline({ ...free, workers });
}
