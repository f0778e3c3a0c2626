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
  /**
   * The choices of the events for one chunk, each as JSON; state between chunks of one choice is the format's own.
   * @param first whether it is the first of its choice
   */
  chunkChoices(chunk: GenerationChunk, first: boolean): string[];
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

/** Words one answer's events, as JSON. */
export interface ReplyEvents {
  /** The events of a chunk; none where it tells nothing yet. */
  chunk(chunk: GenerationChunk): string[];
  /** What comes after the last chunk. */
  end(): string[];
}

/** What all events of an answer share is made into JSON once, for there is one a token. */
export function replyEvents(generation: Generation, format: ReplyFormat, context: ReplyContext): ReplyEvents {
  const { includeUsage } = context.style;
  const base = head(generation, format, context, format.chunkObject);
  const before = `${JSON.stringify(base).slice(0, -1)},"choices":[`;
  const after = includeUsage ? `],"usage":null}` : "]}";
  const begun = new Set<number>();
  const event = (choice: string, first: boolean): string =>
    first ? `${before}${choice}${withPromptIds(after, generation, context)}` : before + choice + after;
  return {
    chunk: (chunk) => {
      const [first, firstOfAll] = [!begun.has(chunk.index), begun.size === 0];
      if (first) begun.add(chunk.index);
      const choices = format.chunkChoices(chunk, first);
      return choices.map((choice) => event(choice, firstOfAll));
    },
    end: () =>
      includeUsage ? [JSON.stringify({ ...base, choices: [], usage: usageBody(generation.usage()) })] : [],
  };
}

function withPromptIds(after: string, generation: Generation, context: ReplyContext): string {
  const ids = promptIds(generation, context);
  return ids === undefined ? after : `${after.slice(0, -1)},${JSON.stringify(ids).slice(1)}`;
}

/** The continuations in the order of their index. */
async function collectChoices(generation: Generation): Promise<WholeChoice[]> {
  const parts = Array.from({ length: generation.choiceCount }, () => ({
    texts: [] as string[],
    tokens: [] as OutputToken[],
    finishReason: "stop" as FinishReason,
  }));
  await generation.run((chunk) => {
    const part = parts[chunk.index];
    if (part === undefined) return;
    part.texts.push(chunk.text);
    part.tokens.push(...chunk.tokens);
    if (chunk.finishReason !== undefined) part.finishReason = chunk.finishReason;
  });
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

function promptIds(generation: Generation, { style }: ReplyContext): object | undefined {
  if (!style.returnTokenIds) return undefined;
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
