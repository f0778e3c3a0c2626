import { StagecoachError } from "../../common/errors.js";
import type { Metrics } from "../../common/metrics.js";
import type { ChatRenderer } from "../../model/chat/render-chat.js";
import type { Tokenizer } from "../../model/tokenizer/tokenizer.js";
import { checkInteger, invalid, shown } from "./checks.js";
import { type CompiledOptions, checkTokenId, compileOptions } from "./compile-options.js";
import { createPromptEncoder } from "./encode-prompts.js";
import type { Generation } from "./generation.js";
import type { ChatParams, ChatTurn, GenerateParams, GenerationDefaults, ServedModel } from "./request.js";
import { startGeneration } from "./start-generation.js";
import type { TokenPort } from "./types.js";

/** What inference is made from. */
export interface InferenceOptions {
  readonly port: TokenPort;
  readonly tokenizer: Tokenizer;
  readonly chat: ChatRenderer;
  readonly model: ServedModel;
  /** The model's own sampling defaults, from its manifest. */
  readonly defaults: GenerationDefaults;
  readonly metrics: Metrics;
}

/** The one place where a request becomes tokens becomes text; gRPC and HTTP both stand on it. */
export interface Inference {
  readonly model: ServedModel;
  readonly tokenizer: Tokenizer;
  /** Tokens of prompt and output together. */
  readonly maxContext: number;
  /**
   * Checks a request and makes it ready to run; nothing is submitted before the result runs.
   * @throws StagecoachError INVALID_ARGUMENT naming the parameter, NOT_FOUND for another model
   */
  generate(params: GenerateParams, signal: AbortSignal): Generation;
  /** Like `generate`, for messages. @throws also FAILED_PRECONDITION when the model has no chat template */
  chat(params: ChatParams, signal: AbortSignal): Generation;
  /** Token ids of a text. @throws StagecoachError INVALID_ARGUMENT when it is too long */
  tokenize(text: string, options: { parseSpecial: boolean; addSpecial: boolean }): Uint32Array;
  tokenizeChat(messages: readonly ChatTurn[]): Uint32Array;
  /** The text of token ids. @throws StagecoachError INVALID_ARGUMENT for ids beyond the vocabulary */
  detokenize(ids: readonly number[]): string;
  /** @throws StagecoachError NOT_FOUND for any name but the served model's; empty is the served one */
  checkModel(name: string | undefined): void;
}

const maxPriority = 2 ** 31 - 1;
const maxContinuations = 16;
const maxChoices = 128;

/** @throws StagecoachError INVALID_ARGUMENT when the model's own defaults are out of range */
export function createInference(options: InferenceOptions): Inference {
  const { port, tokenizer, model, defaults } = options;
  const encoder = createPromptEncoder(tokenizer, options.chat);
  const compile = (given: GenerateParams["options"]): CompiledOptions =>
    compileOptions(given, {
      vocabularySize: tokenizer.vocabularySize,
      maxContext: port.maxContext,
      endTokenIds: tokenizer.endTokenIds,
      defaults,
    });
  const checkModel = (name: string | undefined): void => {
    if (name === undefined || name === "" || name === model.id) return;
    throw new StagecoachError(
      "NOT_FOUND",
      `model ${shown(name)} is not served here: ask for ${shown(model.id)}, or leave model out`,
      { details: { param: "model", reason: "model_not_found" } },
    );
  };
  compile({});
  return {
    model,
    tokenizer,
    get maxContext() {
      return port.maxContext;
    },
    checkModel,
    generate: (params, signal) => {
      const arrivedMs = performance.now();
      checkModel(params.model);
      const compiled = compile(params.options);
      const n = checkCount(params.n ?? 1, params.prompts.length);
      const prompts = params.prompts.map((prompt) => encoder.prompt(prompt, port.maxContext));
      const { defaultMaxTokens } = params;
      const plan = { prompts, n, compiled, defaultMaxTokens, arrivedMs, ...rankOf(params) };
      return startGeneration(options, plan, signal);
    },
    chat: (params, signal) => {
      const arrivedMs = performance.now();
      checkModel(params.model);
      const compiled = compile(params.options);
      const n = checkCount(params.n ?? 1, 1);
      const prompts = [encoder.chat(params.messages, port.maxContext)];
      return startGeneration(
        options,
        { prompts, n, compiled, defaultMaxTokens: undefined, arrivedMs, ...rankOf(params) },
        signal,
      );
    },
    tokenize: (text, encodeOptions) => encoder.text(text, encodeOptions),
    tokenizeChat: (messages) => encoder.chatOfAnyLength(messages),
    detokenize: (ids) =>
      tokenizer.decode(ids.map((id) => checkTokenId("tokens", id, tokenizer.vocabularySize))),
  };
}

/** Who goes first; both are of no consequence while nobody waits. */
function rankOf({ priority = 0, user = "" }: Pick<GenerateParams, "priority" | "user">) {
  return { priority: checkInteger("priority", priority, -maxPriority, maxPriority), user };
}

function checkCount(n: number, promptCount: number): number {
  checkInteger("n", n, 1, maxContinuations);
  if (n * promptCount >= 1 && n * promptCount <= maxChoices) return n;
  throw invalid(
    "n",
    `${promptCount} prompts with n ${n} ask for ${n * promptCount} texts: give up to ${maxChoices} a request`,
  );
}
