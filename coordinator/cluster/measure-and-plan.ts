import type { StageClient } from "../pipeline/stage-client.js";
import { modelShape } from "../planner/model-shape.js";
import { makePlan } from "../planner/plan.js";
import type { Plan, PlanRequest } from "../planner/types.js";
import { isGpu } from "./is-gpu.js";
import { type Measured, profileCluster } from "./profile-workers.js";
import type { SessionSettings } from "./session-settings.js";
import { mostTokens } from "./token-budget.js";
import type { Member } from "./worker-registry.js";

/** Has members and their links measured for the model that is served. */
export async function measureMembers(
  {
    model,
    blobAddress,
    limits,
    stages,
  }: Pick<SessionSettings, "model" | "blobAddress" | "limits" | "stages">,
  members: readonly Member[],
  clients: readonly StageClient[],
  signal: AbortSignal,
): Promise<Measured> {
  const request = {
    manifestJson: Buffer.from(JSON.stringify(model.manifest)),
    blobAddress: blobAddress(),
    threads: 0,
    maxSequences: limits.maxSequences,
    maxContext: limits.maxContext,
    stages: stages ?? members.length,
    maxBatchTokens: mostTokens(limits.tokenBudget),
    activationDtype: model.activationDtype,
  };
  const candidates = clients.map((client, index) => ({
    client,
    device: members[index]?.hello.device ?? "",
    deviceId: members[index]?.hello.deviceId ?? "",
  }));
  return await profileCluster(candidates, request, signal);
}

/**
 * The plan over measured workers, with a word about those whose figures may be wrong.
 * @throws StagecoachError what the planner refuses
 */
export function planFor(
  settings: SessionSettings,
  measured: Measured,
  change: Partial<PlanRequest> = {},
): Plan {
  const plan = makePlan({ ...planRequestOf(settings, measured), ...change });
  if (measured.unsteady.length === 0) return plan;
  const busy = `${measured.unsteady.join(", ")} gave unsteady times, so predictions may be off: something else kept the machine busy`;
  return { ...plan, remarks: [...plan.remarks, busy] };
}

/** Length of the sequences that predictions are for: a prompt of 128 tokens and half of an answer. */
const usualContext = 160;
/** Prompt tokens a generated one that the cut is made for: prompts and answers of equal length. */
const usualPromptShare = 1;
/** Chunks that predictions of prefill are for: smaller ones leave a GPU waiting for its memory. */
const chunkTokens = { cpu: 128, gpu: 512 };

/** What the planner is asked for one pipeline over measured workers. */
export function planRequestOf(
  { model, limits, concurrency, stages }: SessionSettings,
  { workers, links }: Measured,
): PlanRequest {
  return {
    model: modelShape(model.manifest, model.activationDtype),
    workers,
    links,
    concurrency,
    // Room for one whole context at least; what is left over becomes KV too.
    kvTokens: limits.maxContext,
    contextTokens: Math.min(usualContext, limits.maxContext),
    promptTokensPerToken: usualPromptShare,
    chunkTokens: Math.min(
      mostTokens(limits.tokenBudget),
      workers.some(({ device }) => isGpu(device)) ? chunkTokens.gpu : chunkTokens.cpu,
    ),
    ...(stages !== undefined && { stages }),
  };
}
