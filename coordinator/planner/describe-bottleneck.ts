import { periodMs } from "./assignment.js";
import type { Choice } from "./choice.js";
import { sumsByDevice } from "./cost-model.js";
import type { PlanRequest } from "./types.js";

/** What limits the throughput of a choice, in words. */
export function describeBottleneck({ workers }: PlanRequest, choice: Choice): string {
  const { assignment, cost, timing, laneCount, inFlight } = choice;
  const { promptTokens = 0 } = cost.load;
  const prompts = promptTokens > 0 ? ` with ${plural(promptTokens, "token")} of prompts` : "";
  const rows = `${plural(cost.load.rows, "row")}${prompts}`;
  const stages = timing.stageMs.map((timeMs, index) => ({
    timeMs,
    words: `stage ${index} on ${nameOf(assignment.order[index] as number)}: ${milliseconds(timeMs)} a micro-batch of ${rows}`,
  }));
  const path = [cost.coordinator, ...assignment.order, cost.coordinator];
  const links = path.slice(1).map((to, index) => {
    const from = path[index] as number;
    const timeMs = cost.transferMs(from, to);
    return {
      timeMs,
      words: `link from ${nameOf(from)} to ${nameOf(to)}: ${milliseconds(timeMs)} to send ${rows}`,
    };
  });
  const devices = assignment.order.map((worker) => workers[worker]?.deviceId);
  const shared = [...sumsByDevice(devices, timing.stageMs)].map(([device, timeMs]) => {
    const names = assignment.order.filter((_, stage) => devices[stage] === device).map(nameOf);
    return {
      timeMs,
      words: `the GPU of ${names.join(" and ")}: ${milliseconds(timeMs)} a micro-batch of ${rows}`,
    };
  });
  const slowest = [...stages, ...links, ...shared].reduce((most, each) =>
    each.timeMs > most.timeMs ? each : most,
  );
  // A little more than the slowest is what even stages with short hops come to.
  if (periodMs(timing, choice.onTheWay) <= slowest.timeMs * 1.05) return slowest.words;
  if (inFlight < laneCount || inFlight === 1) {
    return `the way through all stages: ${milliseconds(timing.totalMs)} a token of a sequence, too few sequences to overlap it`;
  }
  return `the way through all stages and hops: ${milliseconds(timing.totalMs)}, shared by ${inFlight} micro-batches of ${rows}`;

  function nameOf(node: number): string {
    const worker = workers[node];
    return worker === undefined ? "the coordinator" : `worker ${worker.workerId}`;
  }
}

function milliseconds(timeMs: number): string {
  return `${timeMs.toFixed(timeMs < 10 ? 2 : 1)} ms`;
}

function plural(count: number, noun: string): string {
  return `${Number(count.toFixed(1))} ${noun}${count === 1 ? "" : "s"}`;
}
