import { StagecoachError } from "../../common/errors.js";
import { formatBytes } from "../../model/store/format-bytes.js";
import { MemoryModel } from "./memory-model.js";
import type { PlanRequest } from "./types.js";

/** Workers named one by one in an error; the rest are counted. */
const mostNamed = 8;

/** Why no cut fits these workers, with the figures and the way out. */
export function explainMisfit(request: PlanRequest): StagecoachError {
  const { model, workers, kvTokens, stages } = request;
  const memory = new MemoryModel(request);
  const weightBytes = Math.max(
    ...workers.map((_, worker) => memory.weightBytes(worker, 0, model.layerCount, true, true)),
  );
  const kvBytes = Math.max(...workers.map((_, worker) => memory.kvBytes(worker, model.layerCount)));
  const availableBytes = workers.reduce((sum, worker) => sum + worker.freeMemoryBytes, 0);
  const named = workers.slice(0, mostNamed).map((worker, index) => {
    const small = memory.holdsAnyLayer(index) ? "" : ", too little for one layer";
    return `${worker.workerId} ${formatBytes(worker.freeMemoryBytes)}${small}`;
  });
  if (workers.length > mostNamed) named.push(`${workers.length - mostNamed} more`);
  const asked = stages === undefined ? "" : ` in ${stages} ${stages === 1 ? "stage" : "stages"}`;
  const neededBytes = weightBytes + kvBytes + memory.workspaceBytes;
  return new StagecoachError(
    "FAILED_PRECONDITION",
    `the model does not fit these workers${asked}: it needs ${formatBytes(neededBytes)} (weights ${formatBytes(weightBytes)}, ` +
      `KV of ${kvTokens} tokens ${formatBytes(kvBytes)}, workspace ${formatBytes(memory.workspaceBytes)} a stage) and ` +
      `${formatBytes(availableBytes)} are free (${named.join("; ")}): add workers, take a smaller variant, ` +
      `or lower the context${stages === undefined ? "" : ", or ask for another number of stages"}`,
    { details: { neededBytes, availableBytes, weightBytes, kvBytes } },
  );
}
