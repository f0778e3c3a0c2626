import { joinPlans } from "../planner/plan-replicas.js";
import type { Plan, ReplicatedPlan } from "../planner/types.js";
import { planFor } from "./measure-and-plan.js";
import type { PipelineSession } from "./pipeline-session.js";
import type { SessionSettings } from "./session-settings.js";

/**
 * The plan that pipelines run, or what it would be with so many stages, from the last measurements; undefined
 * before any workers were measured.
 */
export function clusterPlan(
  pipelines: readonly PipelineSession[],
  settings: SessionSettings,
  stages: number | undefined,
): Plan | ReplicatedPlan | undefined {
  const known = pipelines.flatMap((pipeline) => planOf(pipeline, settings, stages) ?? []);
  return pipelines.length === 1 || known.length === 0 ? known[0] : joinPlans(known);
}

function planOf(
  { plan, measured }: PipelineSession,
  settings: SessionSettings,
  stages: number | undefined,
): Plan | undefined {
  if (stages === undefined && plan !== undefined) return plan;
  if (measured === undefined) return undefined;
  return planFor(settings, measured, stages === undefined ? {} : { stages });
}
