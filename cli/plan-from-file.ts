import type { Home } from "../common/home.js";
import { activationDtypeOf } from "../coordinator/pipeline/activation-dtype.js";
import { modelShape } from "../coordinator/planner/model-shape.js";
import { makePlan } from "../coordinator/planner/plan.js";
import type { PlanContext } from "../coordinator/planner/render-plan.js";
import type { Plan } from "../coordinator/planner/types.js";
import { parseWorkersFile } from "../coordinator/planner/workers-file.js";
import type { Manifest, Variant } from "../model/store/manifest.js";
import { parseManifest } from "../model/store/manifest-file.js";
import { openStore } from "../model/store/model-store.js";
import { readTextFile } from "./read-text-file.js";

/** What to plan without a cluster. */
export interface PlanFromFileOptions {
  readonly home: Home;
  /** JSON as the help of `stagecoach plan` describes it. */
  readonly workersPath: string;
  readonly model:
    | { kind: "stored"; name: string; variant: Variant | "auto" }
    | { kind: "manifest"; path: string };
  readonly stages?: number | undefined;
}

/**
 * Plans for workers that a file describes; with what a table of the plan says beside it.
 * @throws StagecoachError INVALID_ARGUMENT for a file that cannot be used, NOT_FOUND for a model that is not
 * in the store, and what the planner refuses
 */
export async function planFromFile({
  home,
  workersPath,
  model,
  stages,
}: PlanFromFileOptions): Promise<{ plan: Plan; context: PlanContext }> {
  const described = parseWorkersFile(await readTextFile(workersPath, "--workers", maxFileBytes), workersPath);
  const manifest = await readModel(home, model);
  const plan = makePlan({
    ...described,
    model: modelShape(manifest, activationDtypeOf("auto", manifest.variant)),
    ...(stages !== undefined && { stages }),
  });
  const { concurrency } = described;
  return { plan, context: { model: manifest.model, variant: manifest.variant, concurrency } };
}

async function readModel(home: Home, model: PlanFromFileOptions["model"]): Promise<Manifest> {
  if (model.kind === "manifest")
    return parseManifest(await readTextFile(model.path, "--manifest", maxFileBytes));
  return await openStore(home).get(model.name, model.variant === "auto" ? undefined : model.variant);
}

const maxFileBytes = 64 * 1024 * 1024;
