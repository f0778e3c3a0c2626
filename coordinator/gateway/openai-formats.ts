import type { OutputToken } from "../inference/generation.js";
import { chatLogprobs, completionLogprobs } from "./openai-logprobs.js";
import { type ReplyContext, type ReplyFormat, tokenIds } from "./openai-reply.js";

/** /v1/chat/completions. */
export function chatFormat({ style, faceOf }: ReplyContext): ReplyFormat {
  const logprobs = (tokens: readonly OutputToken[]) => ({
    logprobs: style.logprobs ? chatLogprobs(tokens, faceOf) : null,
  });
  return {
    idPrefix: "chatcmpl-",
    object: "chat.completion",
    chunkObject: "chat.completion.chunk",
    chunkChoices: ({ index, text, tokens, finishReason }, first) => {
      const role = { index, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null };
      const told = text !== "" || finishReason !== undefined || style.logprobs || style.returnTokenIds;
      const delta = {
        index,
        delta: text === "" ? {} : { content: text },
        ...logprobs(tokens),
        finish_reason: finishReason ?? null,
        ...tokenIds(tokens, style),
      };
      return [...(first ? [role] : []), ...(told ? [delta] : [])];
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
    chunkChoices: ({ index, text, tokens, finishReason }) => {
      const told = text !== "" || finishReason !== undefined || style.logprobs || style.returnTokenIds;
      if (!told) return [];
      return [
        {
          index,
          text,
          ...logprobs(index, tokens),
          finish_reason: finishReason ?? null,
          ...tokenIds(tokens, style),
        },
      ];
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
