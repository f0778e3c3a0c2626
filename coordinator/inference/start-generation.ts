import { randomUUID } from "node:crypto";
import type { Metrics } from "../../common/metrics.js";
import { createDetokenizer } from "../../model/tokenizer/detokenizer.js";
import { createStopMatcher } from "../../model/tokenizer/stop-matcher.js";
import type { Tokenizer } from "../../model/tokenizer/tokenizer.js";
import { invalid } from "./checks.js";
import { type CompiledOptions, seedOf } from "./compile-options.js";
import { type Choice, generateChoice } from "./generate-choice.js";
import type { Generation, TakeChunk, Usage } from "./generation.js";
import { createTextStream, type TextStream } from "./text-stream.js";
import type { TokenPort } from "./types.js";

/** What sequences run on. */
export interface GenerationMeans {
  readonly port: TokenPort;
  readonly tokenizer: Tokenizer;
  readonly metrics: Metrics;
}

/** Everything about a request that is known before it runs. */
export interface RequestPlan {
  readonly prompts: readonly Uint32Array[];
  readonly n: number;
  readonly compiled: CompiledOptions;
  readonly defaultMaxTokens: number | undefined;
  readonly arrivedMs: number;
  readonly priority: number;
  readonly user: string;
}

/**
 * Makes the choices of a request; `run` of the result runs them.
 * @throws StagecoachError INVALID_ARGUMENT when the output has no room in the context
 */
export function startGeneration(
  { port, tokenizer, metrics }: GenerationMeans,
  plan: RequestPlan,
  signal: AbortSignal,
): Generation {
  const { prompts, n, priority, user } = plan;
  const requestId = randomUUID();
  let completionTokens = 0;
  let cachedTokens = 0;
  const choices = prompts.flatMap((promptIds, promptIndex) => {
    const maxTokens = outputRoom(plan, promptIds.length, port.maxContext);
    return Array.from({ length: n }, (_, continuation): Choice => {
      const index = promptIndex * n + continuation;
      return {
        index,
        request: {
          requestId: prompts.length * n === 1 ? requestId : `${requestId}-${index}`,
          promptIds,
          priority,
          user,
          // Continuations of one prompt share its KV.
          ...(continuation > 0 && { forkOf: `${requestId}-${promptIndex * n}` }),
          sampling: { ...plan.compiled.sampling, seed: seedOf(plan.compiled.sampling.seed, continuation) },
          maxTokens,
          stopTokenIds: plan.compiled.stopTokenIds,
        },
        text: textStream(tokenizer, plan.compiled),
        onTokens: (generated, cached) => {
          completionTokens += generated;
          if (continuation === 0) cachedTokens += cached;
        },
        metrics,
        arrivedMs: plan.arrivedMs,
      };
    });
  });
  const promptTokens = prompts.reduce((sum, ids) => sum + ids.length, 0);
  return {
    requestId,
    promptIds: prompts,
    choiceCount: choices.length,
    usage: (): Usage => ({ promptTokens, completionTokens, cachedTokens }),
    run: (take) => runChoices(choices, port, signal, take),
  };
}

/** When one fails, all others end before this does. */
async function runChoices(
  choices: readonly Choice[],
  port: TokenPort,
  signal: AbortSignal,
  take: TakeChunk,
): Promise<void> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const takeWhileRunning: TakeChunk = (chunk) => {
    controller.signal.throwIfAborted();
    return take(chunk);
  };
  const run = async (choice: Choice): Promise<void> => {
    try {
      await generateChoice(choice, port, controller.signal, takeWhileRunning);
    } catch (reason) {
      // What the others say to being aborted is this too.
      controller.abort(reason);
      throw reason;
    }
  };
  try {
    const ends = await Promise.allSettled(choices.map(run));
    if (ends.some(({ status }) => status === "rejected")) throw controller.signal.reason;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function textStream(tokenizer: Tokenizer, { stopTexts, minTokens }: CompiledOptions): TextStream {
  const matcher = stopTexts.length === 0 ? undefined : createStopMatcher(stopTexts);
  return createTextStream(createDetokenizer(tokenizer), matcher, minTokens);
}

function outputRoom(plan: RequestPlan, promptTokens: number, maxContext: number): number {
  const room = maxContext - promptTokens;
  const { minTokens } = plan.compiled;
  const maxTokens = plan.compiled.maxTokens ?? Math.min(plan.defaultMaxTokens ?? room, room);
  if (maxTokens > room) {
    throw invalid(
      "max_tokens",
      `max_tokens is ${maxTokens}: the prompt's ${promptTokens} tokens leave room for ${room} in a context of ${maxContext}; lower it or shorten the prompt`,
      "context_length_exceeded",
    );
  }
  if (minTokens <= maxTokens) return maxTokens;
  throw invalid("min_tokens", `min_tokens is ${minTokens}, above the ${maxTokens} of max_tokens: lower it`);
}
