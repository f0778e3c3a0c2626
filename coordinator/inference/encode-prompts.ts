import type { StagecoachError } from "../../common/errors.js";
import { type ChatRenderer, encodeChat } from "../../model/chat/render-chat.js";
import type { Tokenizer } from "../../model/tokenizer/tokenizer.js";
import { checkText, invalid } from "./checks.js";
import { checkTokenId } from "./compile-options.js";
import type { ChatTurn, Prompt } from "./request.js";

/** Longest text that `tokenize` takes, UTF-16 units: more would hold up every other request. */
const maxTokenizedLength = 4 * 1024 * 1024;

/** Requests into token ids, refusing what cannot fit before time is spent on it. */
export interface PromptEncoder {
  /** @throws StagecoachError INVALID_ARGUMENT for an empty prompt, bad ids, or one beyond the context */
  prompt(prompt: Prompt, maxContext: number): Uint32Array;
  /** @throws StagecoachError also FAILED_PRECONDITION when the model has no chat template */
  chat(messages: readonly ChatTurn[], maxContext: number): Uint32Array;
  /** Like `chat`, whatever the length. */
  chatOfAnyLength(messages: readonly ChatTurn[]): Uint32Array;
  text(text: string, options: { parseSpecial: boolean; addSpecial: boolean }): Uint32Array;
}

/** The encoder of one model. */
export function createPromptEncoder(tokenizer: Tokenizer, chat: ChatRenderer): PromptEncoder {
  const longestTokenBytes = longestToken(tokenizer);
  const checkSize = (param: string, text: string, maxContext: number): void => {
    if (text.length <= maxContext * longestTokenBytes) return;
    throw tooLong(param, `at least ${Math.ceil(text.length / longestTokenBytes)}`, maxContext);
  };
  const chatOfAnyLength = (messages: readonly ChatTurn[]): Uint32Array => {
    if (messages.length === 0) throw invalid("messages", "messages is empty: give at least one message");
    for (const [index, { content }] of messages.entries()) checkText(`messages[${index}].content`, content);
    return encodeChat(tokenizer, chat.render(messages));
  };
  return {
    prompt: (prompt, maxContext) => {
      if (typeof prompt !== "string") return checkIds(prompt, tokenizer.vocabularySize, maxContext);
      if (prompt === "") throw invalid("prompt", 'prompt is "": give a text of at least one character');
      checkText("prompt", prompt);
      checkSize("prompt", prompt, maxContext);
      return checkLength(
        "prompt",
        tokenizer.encode(prompt, { parseSpecial: true, addBos: true }),
        maxContext,
      );
    },
    chat: (messages, maxContext) => {
      for (const { content } of messages) checkSize("messages", content, maxContext);
      return checkLength("messages", chatOfAnyLength(messages), maxContext);
    },
    chatOfAnyLength,
    text: (text, { parseSpecial, addSpecial }) => {
      checkText("text", text);
      if (text.length <= maxTokenizedLength)
        return tokenizer.encode(text, { parseSpecial, addBos: addSpecial });
      const message = `text has ${text.length} characters: give up to ${maxTokenizedLength} at a time`;
      throw invalid("text", message);
    },
  };
}

function checkIds(ids: readonly number[], vocabularySize: number, maxContext: number): Uint32Array {
  if (ids.length === 0) throw invalid("prompt", "prompt is an empty list: give at least one token id");
  if (ids.length >= maxContext) throw tooLong("prompt", String(ids.length), maxContext);
  return Uint32Array.from(ids, (id) => checkTokenId("prompt", id, vocabularySize));
}

function checkLength(param: string, ids: Uint32Array, maxContext: number): Uint32Array {
  if (ids.length === 0) {
    throw invalid(param, `${param} becomes no token at all: the vocabulary lacks all of its characters`);
  }
  if (ids.length < maxContext) return ids;
  throw tooLong(param, String(ids.length), maxContext);
}

function tooLong(param: string, tokens: string, maxContext: number): StagecoachError {
  return invalid(
    param,
    `${param} has ${tokens} tokens; with at least one token of output it must fit a context of ${maxContext}: shorten it`,
    "context_length_exceeded",
  );
}

/** Most UTF-16 units that one token can stand for, at least 1. */
function longestToken(tokenizer: Tokenizer): number {
  let longest = 1;
  for (let id = 0; id < tokenizer.vocabularySize; id++) {
    longest = Math.max(longest, tokenizer.tokenBytes(id).length);
  }
  return longest;
}
