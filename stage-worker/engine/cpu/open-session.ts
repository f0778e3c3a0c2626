import { InferenceSession } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { stageGraph } from "../../../model/graph/stage-graph.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import type { RunnerOptions } from "../stage-runner.js";

/**
 * Opens the stage's graph on the CPU.
 * @throws StagecoachError DATA_LOSS when ONNX Runtime refuses the graph or a blob is damaged.
 */
export async function openSession(options: RunnerOptions): Promise<InferenceSession> {
  const path = await writeStageGraph(options.blobsFolder, stageGraph(options.manifest, options));
  try {
    return await InferenceSession.create(path, {
      executionProviders: ["cpu"],
      executionMode: "sequential",
      intraOpNumThreads: options.threads,
      interOpNumThreads: 1,
      graphOptimizationLevel: "all",
      logSeverityLevel: 3,
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StagecoachError("DATA_LOSS", `ONNX Runtime cannot open ${path}: ${reason}`, { cause: error });
  }
}
