import { StagecoachError } from "../../common/errors.js";
import type { ModelConfig } from "../config.js";
import type { Architecture, FormatDescription } from "./architectures.js";
import { findCount, findFlag, findPositive, getCount, getPositive, type Settings, show } from "./settings.js";

const defaultRopeBase = 10_000;

/**
 * A ModelConfig out of a file's settings, by the architecture's description; without rope scaling, which each
 * format writes in its own way.
 * @throws StagecoachError INVALID_ARGUMENT for settings that are missing, do not fit each other or are not
 * supported.
 */
export function readConfig(
  architecture: Architecture,
  format: FormatDescription,
  settings: Settings,
  facts: { vocabularySize: number; tiedEmbedding: boolean },
): ModelConfig {
  const { keys } = format;
  for (const { key, allowed, meaning } of format.restrictions) {
    const value = settings.get(key) ?? undefined;
    if (value === undefined || allowed.includes(value)) continue;
    throw unsupported(`${settings.describe(key)} is ${show(value)}, which asks for ${meaning}`);
  }
  const hiddenSize = getCount(settings, keys.hiddenSize);
  const headCount = getCount(settings, keys.headCount);
  const kvHeadCount = findCount(settings, keys.kvHeadCount) ?? headCount;
  if (headCount % kvHeadCount !== 0) {
    throw misfit(settings, keys.kvHeadCount, kvHeadCount, keys.headCount, headCount);
  }
  const headSize = findCount(settings, keys.headSize) ?? hiddenSize / headCount;
  if (!Number.isInteger(headSize))
    throw misfit(settings, keys.headCount, headCount, keys.hiddenSize, hiddenSize);
  if (headSize % 2 !== 0) {
    throw unsupported(
      `${settings.describe(keys.headSize)} makes heads of ${headSize}, which rotary pairs do not fill`,
    );
  }
  const contextLength = getCount(settings, keys.contextLength);
  refuseSlidingWindow(format, settings, contextLength);
  return {
    architecture: architecture.architecture,
    layerCount: getCount(settings, keys.layerCount),
    hiddenSize,
    headCount,
    kvHeadCount,
    headSize,
    feedForwardSize: getCount(settings, keys.feedForwardSize),
    vocabularySize: facts.vocabularySize,
    contextLength,
    normEpsilon: getPositive(settings, keys.normEpsilon),
    ropeBase: findPositive(settings, keys.ropeBase) ?? defaultRopeBase,
    ropeDimension: headSize,
    ropeInterleaved: format.ropeInterleaved,
    ropeScaling: { kind: "none" },
    attentionBias: architecture.attentionBias,
    tiedEmbedding: facts.tiedEmbedding,
  };
}

function refuseSlidingWindow(
  { slidingWindow }: FormatDescription,
  settings: Settings,
  context: number,
): void {
  const { key, switchKey, defaultSize } = slidingWindow;
  if (switchKey !== undefined && findFlag(settings, switchKey) !== true) return;
  const value = settings.get(key) === undefined ? defaultSize : settings.get(key);
  if (value === undefined || value === null || value === 0) return;
  if (typeof value === "number" && value >= context) return;
  throw unsupported(
    `${settings.describe(key)} is ${show(value)}, a sliding window shorter than the context of ${context}`,
  );
}

function misfit(settings: Settings, key: string, value: number, ofKey: string, of: number): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `${settings.describe(key)} is ${value}, which does not divide ${settings.describe(ofKey)} = ${of}`,
    { details: { key, value } },
  );
}

function unsupported(what: string): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `${what}; that is not supported: choose another version of the model`,
  );
}
