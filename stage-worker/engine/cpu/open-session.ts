import { InferenceSession } from "onnxruntime-node";
import { StagecoachError } from "../../../common/errors.js";
import { stageGraph } from "../../../model/graph/stage-graph.js";
import { writeStageGraph } from "../../../model/graph/write-stage-graph.js";
import type { RunnerOptions } from "../stage-runner.js";
import { hasSafeIntegerProducts } from "./integer-products.js";

/** What session.run can be told beside the options that have names of their own. */
interface SessionEntries {
  readonly set_denormal_as_zero: "1";
  readonly intra_op: { readonly allow_spinning: "0" | "1" };
  readonly x64quantprecision?: "1";
}

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
      extra: { session: sessionEntries(options) },
      ...(options.profileFile !== undefined && {
        enableProfiling: true,
        profileFilePrefix: options.profileFile,
      }),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StagecoachError("DATA_LOSS", `ONNX Runtime cannot open ${path}: ${reason}`, { cause: error });
  }
}

/**
 * Shares that a mask makes tiny are denormal numbers, which cost ten times as much to add. Threads of one stage
 * wait for each other busily: asleep, they take half as long again at one row (10.7 against 6.8 ms on two cores).
 */
function sessionEntries({ threads }: RunnerOptions): SessionEntries {
  return {
    set_denormal_as_zero: "1",
    intra_op: { allow_spinning: threads > 1 ? "1" : "0" },
    ...(!hasSafeIntegerProducts() && { x64quantprecision: "1" }),
  };
}
