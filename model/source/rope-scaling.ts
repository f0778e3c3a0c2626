import { StagecoachError } from "../../common/errors.js";
import type { ModelConfig, RopeScaling } from "../config.js";
import {
  findCount,
  findPositive,
  findText,
  getCount,
  getPositive,
  type Settings,
  unsuitable,
} from "./settings.js";

const defaultBetaFast = 32;
const defaultBetaSlow = 1;

/**
 * Adds the rope scaling of a GGUF file, keys as llama.cpp reads them.
 * @param factors the contents of `rope_freqs.weight`, where the file has it.
 * @throws StagecoachError INVALID_ARGUMENT for a kind that is not supported, by name.
 */
export function withGgufScaling(
  config: ModelConfig,
  settings: Settings,
  factors?: Float32Array,
): ModelConfig {
  const scaling = readGgufScaling(config, settings);
  if (factors === undefined) return withScaling(config, scaling);
  if (scaling.kind !== "none") {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `the file has rope_freqs.weight and ${settings.describe("rope.scaling.type")} "${scaling.kind}": only one of them is supported`,
    );
  }
  const bad = factors.findIndex((factor) => !(factor > 0 && factor < Number.POSITIVE_INFINITY));
  if (factors.length === config.ropeDimension / 2 && bad < 0) {
    return withScaling(config, { kind: "factors", factors: [...factors] });
  }
  const found = bad < 0 ? `${factors.length} values` : `${factors[bad]} at ${bad}`;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `tensor "rope_freqs.weight" has ${found} and should have ${config.ropeDimension / 2} positive numbers`,
  );
}

/**
 * Adds the rope scaling of a config.json.
 * @param settings the object `rope_scaling` or `rope_parameters`.
 * @throws StagecoachError INVALID_ARGUMENT for a kind that is not supported, by name.
 */
export function withHuggingFaceScaling(config: ModelConfig, settings: Settings): ModelConfig {
  return withScaling(config, readHuggingFaceScaling(config, settings));
}

function readGgufScaling(config: ModelConfig, settings: Settings): RopeScaling {
  const key = "rope.scaling.type";
  // llama.cpp, too, takes a missing type for linear, and a missing or zero factor for 1.
  const kind = findText(settings, key) ?? "linear";
  if (kind === "none") return { kind: "none" };
  if (kind !== "linear" && kind !== "yarn") throw unsupportedKind(settings, key, kind);
  const factorKey = ["rope.scaling.factor", "rope.scale_linear"].find((name) => settings.get(name)) ?? "";
  const factor = findPositive(settings, factorKey) ?? 1;
  if (factor === 1) return { kind: "none" };
  if (kind === "linear") return { kind, factor };
  const logMultiplier = "rope.scaling.yarn_log_multiplier";
  if (settings.get(logMultiplier)) {
    throw unsuitable(settings, logMultiplier, settings.get(logMultiplier), "absent: it is not supported");
  }
  const attention = findPositive(settings, "rope.scaling.attn_factor") ?? 1;
  return {
    kind,
    factor: atLeastOne(settings, factorKey, factor),
    originalContextLength:
      findCount(settings, "rope.scaling.original_context_length") ?? config.contextLength,
    betaFast: findPositive(settings, "rope.scaling.yarn_beta_fast") ?? defaultBetaFast,
    betaSlow: findPositive(settings, "rope.scaling.yarn_beta_slow") ?? defaultBetaSlow,
    attentionFactor: attention * yarnTemperature(factor, 1),
  };
}

function readHuggingFaceScaling(config: ModelConfig, settings: Settings): RopeScaling {
  const key = settings.get("rope_type") === undefined ? "type" : "rope_type";
  const kind = findText(settings, key) ?? "default";
  switch (kind) {
    case "default":
      return { kind: "none" };
    case "linear":
      return { kind, factor: getPositive(settings, "factor") };
    case "llama3":
      return readLlama3(settings);
    case "yarn":
      return readYarn(config, settings);
    default:
      throw unsupportedKind(settings, key, kind);
  }
}

function readLlama3(settings: Settings): RopeScaling {
  const lowFrequencyFactor = getPositive(settings, "low_freq_factor");
  const highFrequencyFactor = getPositive(settings, "high_freq_factor");
  if (highFrequencyFactor <= lowFrequencyFactor) {
    throw unsuitable(settings, "high_freq_factor", highFrequencyFactor, `above ${lowFrequencyFactor}`);
  }
  return {
    kind: "llama3",
    factor: getPositive(settings, "factor"),
    lowFrequencyFactor,
    highFrequencyFactor,
    originalContextLength: getCount(settings, "original_max_position_embeddings"),
  };
}

function readYarn(config: ModelConfig, settings: Settings): RopeScaling {
  if (settings.get("truncate") === false) {
    throw unsuitable(
      settings,
      "truncate",
      false,
      "absent or true: bounds between dimensions are not supported",
    );
  }
  const factor = atLeastOne(settings, "factor", getPositive(settings, "factor"));
  return {
    kind: "yarn",
    factor,
    originalContextLength: findCount(settings, "original_max_position_embeddings") ?? config.contextLength,
    betaFast: findPositive(settings, "beta_fast") ?? defaultBetaFast,
    betaSlow: findPositive(settings, "beta_slow") ?? defaultBetaSlow,
    attentionFactor: findPositive(settings, "attention_factor") ?? yarnAttention(settings, factor),
  };
}

/** As transformers computes it where the config names no factor. */
function yarnAttention(settings: Settings, factor: number): number {
  const scale = findPositive(settings, "mscale");
  const scaleAll = findPositive(settings, "mscale_all_dim");
  if (scale === undefined || scaleAll === undefined) return yarnTemperature(factor, 1);
  return yarnTemperature(factor, scale) / yarnTemperature(factor, scaleAll);
}

/** The paper's 0.1 ln(s) + 1. */
function yarnTemperature(factor: number, scale: number): number {
  return 0.1 * scale * Math.log(factor) + 1;
}

/** YaRN configs leave the context at its length before stretching, so the stretched one is computed. */
function withScaling(config: ModelConfig, ropeScaling: RopeScaling): ModelConfig {
  if (ropeScaling.kind !== "yarn") return { ...config, ropeScaling };
  const stretched = Math.floor(ropeScaling.originalContextLength * ropeScaling.factor);
  return { ...config, ropeScaling, contextLength: Math.max(config.contextLength, stretched) };
}

function atLeastOne(settings: Settings, key: string, factor: number): number {
  if (factor >= 1) return factor;
  throw unsuitable(settings, key, factor, "1 or more");
}

function unsupportedKind(settings: Settings, key: string, kind: string): StagecoachError {
  return unsuitable(
    settings,
    key,
    kind,
    "one of linear, llama3 or yarn: other rope scaling is not supported",
  );
}
