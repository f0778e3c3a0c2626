import type {
  FinishReason,
  Generation,
  GenerationChunk,
  OutputToken,
  Usage,
} from "../inference/generation.js";
import type { FaceOf } from "./openai-logprobs.js";
import type { ReplyStyle } from "./openai-request.js";

/** What all parts of one answer share. */
export interface ReplyContext {
  readonly model: string;
  readonly createdUnixSeconds: number;
  readonly style: ReplyStyle;
  readonly faceOf: FaceOf;
}

/** How one endpoint words its answers. */
export interface ReplyFormat {
  readonly idPrefix: string;
  readonly object: string;
  readonly chunkObject: string;
  /** The choices of the events for one chunk; state between chunks of one choice is the format's own. */
  chunkChoices(chunk: GenerationChunk, first: boolean): object[];
  choice(whole: WholeChoice): object;
}

/** All of one continuation. */
export interface WholeChoice {
  readonly index: number;
  readonly text: string;
  readonly tokens: readonly OutputToken[];
  readonly finishReason: FinishReason;
}

/** The whole answer as one object, when everything is generated. */
export async function wholeReply(
  generation: Generation,
  format: ReplyFormat,
  context: ReplyContext,
): Promise<object> {
  const choices = await collectChoices(generation);
  return {
    ...head(generation, format, context, format.object),
    choices: choices.map((each) => format.choice(each)),
    usage: usageBody(generation.usage()),
    ...promptIds(generation, context),
  };
}

/** The answer as a stream of objects. Nothing comes before the first token does. */
export async function* replyEvents(
  generation: Generation,
  format: ReplyFormat,
  context: ReplyContext,
): AsyncGenerator<object> {
  const { includeUsage } = context.style;
  const base = head(generation, format, context, format.chunkObject);
  const begun = new Set<number>();
  for await (const chunk of generation) {
    const extra = begun.size === 0 ? promptIds(generation, context) : {};
    const choices = format.chunkChoices(chunk, !begun.has(chunk.index));
    begun.add(chunk.index);
    for (const choice of choices) {
      yield { ...base, choices: [choice], ...(includeUsage && { usage: null }), ...extra };
    }
  }
  if (includeUsage) yield { ...base, choices: [], usage: usageBody(generation.usage()) };
}

/** The continuations in the order of their index. */
async function collectChoices(generation: Generation): Promise<WholeChoice[]> {
  const parts = Array.from({ length: generation.choiceCount }, () => ({
    texts: [] as string[],
    tokens: [] as OutputToken[],
    finishReason: "stop" as FinishReason,
  }));
  for await (const chunk of generation) {
    const part = parts[chunk.index];
    if (part === undefined) continue;
    part.texts.push(chunk.text);
    part.tokens.push(...chunk.tokens);
    if (chunk.finishReason !== undefined) part.finishReason = chunk.finishReason;
  }
  return parts.map(({ texts, tokens, finishReason }, index) => ({
    index,
    text: texts.join(""),
    tokens,
    finishReason,
  }));
}

/** vLLM's `token_ids` of a choice. */
export function tokenIds(tokens: readonly OutputToken[], style: ReplyStyle): { token_ids?: number[] } {
  return style.returnTokenIds ? { token_ids: tokens.map(({ tokenId }) => tokenId) } : {};
}

function head(generation: Generation, format: ReplyFormat, context: ReplyContext, object: string): object {
  return {
    id: `${format.idPrefix}${generation.requestId}`,
    object,
    created: context.createdUnixSeconds,
    model: context.model,
  };
}

function promptIds(generation: Generation, { style }: ReplyContext): object {
  if (!style.returnTokenIds) return {};
  const ids = generation.promptIds.map((prompt) => [...prompt]);
  return { prompt_token_ids: ids.length === 1 ? ids[0] : ids };
}

function usageBody({ promptTokens, completionTokens, cachedTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
