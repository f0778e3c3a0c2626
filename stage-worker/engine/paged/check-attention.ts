import { StagecoachError } from "../../../common/errors.js";
import type { RunnerOptions } from "../stage-runner.js";
import type { Provider } from "./provider.js";

/**
 * Refuses what a provider's attention cannot compute, before it says so at the first run, or does not say so.
 * @throws StagecoachError FAILED_PRECONDITION naming the size and the way out
 */
export function checkAttention(options: RunnerOptions, provider: Provider): void {
  const { blockSize, manifest, firstLayer, endLayer } = options;
  const { name, blockSizeStep, blockSizePowers, headSizes } = provider;
  if (blockSize % blockSizeStep > 0) {
    throw refused(
      `${name} cannot attend to blocks of ${blockSize} tokens, they must be a multiple of ${blockSizeStep}: --block-size ${blockSizeStep}`,
    );
  }
  if (blockSizePowers && !Number.isInteger(Math.log2(blockSize))) {
    throw refused(
      `${name} cannot attend to blocks of ${blockSize} tokens, they must be a power of two: --block-size ${2 ** Math.floor(Math.log2(blockSize))}`,
    );
  }
  const { headSize } = manifest.config;
  const { multipleOf, most = Number.POSITIVE_INFINITY } = headSizes;
  if (endLayer === firstLayer || (headSize % multipleOf === 0 && headSize <= most)) return;
  const limit = Number.isFinite(most) ? ` up to ${most}` : "";
  throw refused(
    `${name} cannot attend with heads of ${headSize} values, as ${manifest.model} has them, they must be a multiple of ${multipleOf}${limit}: compute this model with --device cpu`,
  );
}

function refused(message: string): StagecoachError {
  return new StagecoachError("FAILED_PRECONDITION", message);
}
