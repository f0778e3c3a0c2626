import { webcrypto } from "node:crypto";
import type { LogitBias } from "../../proto/gen/stagecoach/v1/LogitBias.js";
import type { Sampling } from "../../proto/gen/stagecoach/v1/Sampling.js";
import { checkInteger, checkNumber, checkText, invalid, type Range, shown } from "./checks.js";
import type { GenerationDefaults, RequestOptions } from "./request.js";

/** Sampling that is complete: every field has a value. */
export interface CompiledOptions {
  readonly sampling: Sampling & { readonly seed: number };
  /** Tokens that end a sequence and are not part of its output. */
  readonly stopTokenIds: ReadonlySet<number>;
  readonly stopTexts: readonly string[];
  /** Absent leaves it to the endpoint. */
  readonly maxTokens: number | undefined;
  readonly minTokens: number;
}

/** What options are checked against. */
export interface OptionLimits {
  readonly vocabularySize: number;
  readonly maxContext: number;
  readonly endTokenIds: readonly number[];
  readonly defaults: GenerationDefaults;
}

/** Bounds of the numeric options, by the name users write; the ones vLLM and OpenAI have. */
const ranges = {
  temperature: { min: 0, max: 100 },
  top_p: { above: 0, max: 1 },
  min_p: { min: 0, max: 1 },
  repetition_penalty: { above: 0, max: 100 },
  presence_penalty: { min: -2, max: 2 },
  frequency_penalty: { min: -2, max: 2 },
} as const satisfies Record<string, Range>;

const maxInt32 = 2 ** 31 - 1;
const maxLogprobs = 20;
const maxStopTexts = 16;
const maxStopTextLength = 1_024;
const maxStopTokenIds = 1_024;
const maxLogitBiases = 4_096;
const maxLogitBias = 100;

/**
 * Checks options and fills in what is left out: the model's defaults, then the server's (temperature 1,
 * everything else off, a random seed).
 * @throws StagecoachError INVALID_ARGUMENT naming the option, its value and what is allowed
 */
export function compileOptions(options: RequestOptions, limits: OptionLimits): CompiledOptions {
  const { defaults, endTokenIds, vocabularySize, maxContext } = limits;
  const within = (name: keyof typeof ranges, given: number | undefined, fallback: number): number =>
    checkNumber(name, given ?? fallback, ranges[name]);

  const minTokens = checkInteger("min_tokens", options.minTokens ?? 0, 0, maxContext);
  const ownStops = compileStopTokens(options.stopTokenIds ?? [], vocabularySize);
  const stopTokenIds = new Set(options.ignoreEos ? ownStops : [...endTokenIds, ...ownStops]);
  const suppressed = minTokens > 0 ? [...new Set([...endTokenIds, ...ownStops])] : [];
  const logprobs = options.logprobs;
  return {
    sampling: {
      temperature: within("temperature", options.temperature, defaults.temperature ?? 1),
      topK: compileTopK(options.topK ?? defaults.topK ?? 0, vocabularySize),
      topP: within("top_p", options.topP, defaults.topP ?? 1),
      minP: within("min_p", options.minP, defaults.minP ?? 0),
      repetitionPenalty: within(
        "repetition_penalty",
        options.repetitionPenalty,
        defaults.repetitionPenalty ?? 1,
      ),
      presencePenalty: within("presence_penalty", options.presencePenalty, 0),
      frequencyPenalty: within("frequency_penalty", options.frequencyPenalty, 0),
      logitBias: compileLogitBias(options.logitBias, vocabularySize),
      seed: compileSeed(options.seed),
      suppressedTokenIds: suppressed,
      suppressedUntilLength: minTokens,
      wantLogprobs: logprobs !== undefined,
      topLogprobs: checkInteger("logprobs", logprobs ?? 0, 0, Math.min(maxLogprobs, vocabularySize)),
    },
    stopTokenIds,
    stopTexts: compileStopTexts(options.stop ?? []),
    maxTokens:
      options.maxTokens === undefined
        ? undefined
        : checkInteger("max_tokens", options.maxTokens, 1, maxInt32),
    minTokens,
  };
}

/** Seed of the i-th continuation of one request. */
export function seedOf(seed: number, index: number): number {
  return (seed + index) % Number.MAX_SAFE_INTEGER;
}

/** As many as the vocabulary has is as good as off. */
function compileTopK(topK: number, vocabularySize: number): number {
  if (topK === -1) return 0;
  checkInteger("top_k", topK, 0, maxInt32);
  return topK >= vocabularySize ? 0 : topK;
}

function compileSeed(seed: number | undefined): number {
  if (seed === undefined || seed === -1) return randomSeed();
  return checkInteger("seed", seed, 0, Number.MAX_SAFE_INTEGER);
}

/** 53 random bits: what survives a JavaScript number on the wire. */
function randomSeed(): number {
  const [high = 0, low = 0] = webcrypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
}

function compileStopTexts(stop: readonly string[]): readonly string[] {
  if (stop.length > maxStopTexts) {
    throw invalid("stop", `stop has ${stop.length} texts: give up to ${maxStopTexts}`);
  }
  for (const text of stop) {
    checkText("stop", text);
    if (text.length >= 1 && text.length <= maxStopTextLength) continue;
    throw invalid(
      "stop",
      `stop has the text ${shown(text)} of ${text.length} characters: give 1 to ${maxStopTextLength}`,
    );
  }
  return stop;
}

function compileStopTokens(ids: readonly number[], vocabularySize: number): readonly number[] {
  if (ids.length > maxStopTokenIds) {
    throw invalid("stop_token_ids", `stop_token_ids has ${ids.length} ids: give up to ${maxStopTokenIds}`);
  }
  return ids.map((id) => checkTokenId("stop_token_ids", id, vocabularySize));
}

function compileLogitBias(
  bias: ReadonlyMap<number, number> | undefined,
  vocabularySize: number,
): LogitBias[] {
  const entries = [...(bias ?? [])];
  if (entries.length > maxLogitBiases) {
    throw invalid("logit_bias", `logit_bias has ${entries.length} tokens: give up to ${maxLogitBiases}`);
  }
  return entries.map(([id, value]) => {
    const tokenId = checkTokenId("logit_bias", id, vocabularySize);
    if (Math.abs(value) <= maxLogitBias) return { tokenId, bias: value };
    throw invalid(
      "logit_bias",
      `logit_bias of token ${tokenId} is ${shown(value)}: give a number from ${-maxLogitBias} to ${maxLogitBias}`,
    );
  });
}

/** @throws StagecoachError INVALID_ARGUMENT for an id that the vocabulary does not have */
export function checkTokenId(param: string, id: number, vocabularySize: number): number {
  if (Number.isInteger(id) && id >= 0 && id < vocabularySize) return id;
  throw invalid(
    param,
    `${param} has the token id ${shown(id)}: the vocabulary has ids from 0 to ${vocabularySize - 1}`,
  );
}
