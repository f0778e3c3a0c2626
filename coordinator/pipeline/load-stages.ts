import { StagecoachError } from "../../common/errors.js";
import type { LoadProgress__Output } from "../../proto/gen/stagecoach/v1/LoadProgress.js";
import type { LoadRequest } from "../../proto/gen/stagecoach/v1/LoadRequest.js";
import type { OpenPipelineOptions } from "./open-pipeline-options.js";

/**
 * Has every stage load its range, all at once; resolves with what each reports when all are ready.
 * @throws StagecoachError what the first stage to fail said; the others are stopped
 */
export async function loadStages(options: OpenPipelineOptions): Promise<LoadProgress__Output[]> {
  const { plan, clients, signal } = options;
  const meter = progressMeter(options);
  const manifestJson = Buffer.from(JSON.stringify(options.manifest));
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  try {
    return await Promise.all(
      plan.stages.map(async (_, index) => {
        const client = clients[index];
        if (client === undefined)
          throw new StagecoachError("INTERNAL", `stage ${index} of the plan has no worker`);
        const request = { ...requestFor(options, index), manifestJson };
        return await client.load(request, (progress) => meter(index, progress), either);
      }),
    );
  } catch (reason) {
    failed.abort();
    throw reason;
  }
}

function requestFor(
  { epoch, plan, clients, blobAddress, limits }: OpenPipelineOptions,
  index: number,
): LoadRequest {
  const { firstLayer = 0, endLayer = 0 } = plan.stages[index] ?? {};
  return {
    epoch,
    stageIndex: index,
    stageCount: plan.stages.length,
    firstLayer,
    endLayer,
    nextAddress: clients[index + 1]?.address ?? "",
    blobAddress,
    blockSize: limits.blockSize,
    // As many as its memory holds; the pipeline's number is the smallest.
    blockCount: 0,
    maxSequences: limits.maxSequences,
    laneCount: plan.laneCount,
    maxContext: limits.maxContext,
    threads: 0,
    activationDtype: limits.activationDtype,
    maxBatchTokens: limits.tokenBudget,
  };
}

/** Adds up what the stages report; a stage that opens its graph has all its bytes. */
function progressMeter({
  plan,
  onProgress,
}: OpenPipelineOptions): (index: number, progress: LoadProgress__Output) => void {
  const stages = plan.stages.map(({ weightBytes }) => ({ doneBytes: 0, totalBytes: weightBytes }));
  return (index, { phase, doneBytes, totalBytes }) => {
    const before = stages[index]?.totalBytes ?? 0;
    stages[index] =
      phase === "FETCHING" || phase === "EXPANDING"
        ? { doneBytes, totalBytes }
        : { doneBytes: before, totalBytes: before };
    onProgress(
      stages.reduce((sum, stage) => sum + stage.doneBytes, 0),
      stages.reduce((sum, stage) => sum + stage.totalBytes, 0),
    );
  };
}
