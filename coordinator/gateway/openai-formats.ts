import type { GenerationChunk, OutputToken } from "../inference/generation.js";
import { chatLogprobs, completionLogprobs } from "./openai-logprobs.js";
import { type ReplyContext, type ReplyFormat, tokenIds } from "./openai-reply.js";
import type { ReplyStyle } from "./openai-request.js";

/** /v1/chat/completions. */
export function chatFormat({ style, faceOf }: ReplyContext): ReplyFormat {
  const logprobs = (tokens: readonly OutputToken[]) => ({
    logprobs: style.logprobs ? chatLogprobs(tokens, faceOf) : null,
  });
  return {
    idPrefix: "chatcmpl-",
    object: "chat.completion",
    chunkObject: "chat.completion.chunk",
    chunkChoices: (chunk, first) => {
      const { index, text, tokens } = chunk;
      const delta = text === "" ? "{}" : `{"content":${JSON.stringify(text)}}`;
      const choices = isTold(chunk, style)
        ? [`{"index":${index},"delta":${delta}${rest(chunk, style, logprobs(tokens).logprobs)}`]
        : [];
      return first ? [roleOf(index), ...choices] : choices;
    },
    choice: ({ index, text, tokens, finishReason }) => ({
      index,
      message: { role: "assistant", content: text },
      ...logprobs(tokens),
      finish_reason: finishReason,
      ...tokenIds(tokens, style),
    }),
  };
}

/** /v1/completions. */
export function completionFormat({ style, faceOf }: ReplyContext): ReplyFormat {
  const offsets = new Map<number, number>();
  const logprobs = (index: number, tokens: readonly OutputToken[]) => {
    if (!style.logprobs) return { logprobs: null };
    const { logprobs, endOffset } = completionLogprobs(tokens, faceOf, offsets.get(index) ?? 0);
    offsets.set(index, endOffset);
    return { logprobs };
  };
  return {
    idPrefix: "cmpl-",
    object: "text_completion",
    chunkObject: "text_completion",
    chunkChoices: (chunk) => {
      if (!isTold(chunk, style)) return [];
      const { index, text, tokens } = chunk;
      const shown = logprobs(index, tokens).logprobs;
      return [`{"index":${index},"text":${JSON.stringify(text)}${rest(chunk, style, shown)}`];
    },
    choice: ({ index, text, tokens, finishReason }) => ({
      index,
      text,
      ...logprobs(index, tokens),
      finish_reason: finishReason,
      ...tokenIds(tokens, style),
    }),
  };
}

/** A chat's first event of a choice. */
function roleOf(index: number): string {
  const delta = { role: "assistant", content: "" };
  return JSON.stringify({ index, delta, logprobs: null, finish_reason: null });
}

/** Text may lag behind its tokens; an event that would say nothing is left out. */
function isTold({ text, finishReason }: GenerationChunk, style: ReplyStyle): boolean {
  return text !== "" || finishReason !== undefined || style.logprobs || style.returnTokenIds;
}

/** What ends a choice's JSON in an event, after its text. */
function rest({ tokens, finishReason }: GenerationChunk, style: ReplyStyle, logprobs: object | null): string {
  const shown = logprobs === null ? "null" : JSON.stringify(logprobs);
  const reason = finishReason === undefined ? "null" : `"${finishReason}"`;
  const ids = style.returnTokenIds ? `,"token_ids":[${tokens.map(({ tokenId }) => tokenId).join()}]` : "";
  return `,"logprobs":${shown},"finish_reason":${reason}${ids}}`;
}
