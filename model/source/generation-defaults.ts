import type { GenerationDefaults } from "./model-source.js";
import { type Settings, unsuitable } from "./settings.js";

type Keys = Readonly<Record<keyof GenerationDefaults, string>>;

/** As generation_config.json calls them. */
export const huggingFaceSamplingKeys: Keys = {
  temperature: "temperature",
  topK: "top_k",
  topP: "top_p",
  minP: "min_p",
  repetitionPenalty: "repetition_penalty",
};

/** As llama.cpp's converter writes them from a generation_config.json. */
export const ggufSamplingKeys: Keys = {
  temperature: "general.sampling.temp",
  topK: "general.sampling.top_k",
  topP: "general.sampling.top_p",
  minP: "general.sampling.min_p",
  repetitionPenalty: "general.sampling.penalty_repeat",
};

/**
 * What the publisher recommends for sampling.
 * @throws StagecoachError INVALID_ARGUMENT for a value that is not a number from 0 up.
 */
export function readGenerationDefaults(settings: Settings, keys: Keys): GenerationDefaults {
  const found: { -readonly [Name in keyof GenerationDefaults]: number } = {};
  for (const [name, key] of Object.entries(keys) as [keyof Keys, string][]) {
    const value = settings.get(key) ?? undefined;
    if (value === undefined) continue;
    if (typeof value !== "number" || !(value >= 0 && value < Number.POSITIVE_INFINITY)) {
      throw unsuitable(settings, key, value, "a number from 0 up");
    }
    found[name] = value;
  }
  return found;
}
