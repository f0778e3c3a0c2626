import { checkInteger, invalid, shown } from "../inference/checks.js";
import type { ChatParams, ChatTurn, GenerateParams, Prompt, RequestOptions } from "../inference/request.js";
import { type BodyFields, bodyFields, isListOf, isNumber, isText } from "./body-fields.js";
import { refuseUnsupported } from "./refused-fields.js";
import { shareOf } from "./share-of.js";

/** How the answer is to look, beside what is to be generated. */
export interface ReplyStyle {
  readonly stream: boolean;
  /** A last chunk with usage (`stream_options.include_usage`). */
  readonly includeUsage: boolean;
  /** vLLM's `return_token_ids`. */
  readonly returnTokenIds: boolean;
  readonly logprobs: boolean;
}

/** A request body, read. */
export interface ParsedRequest<Params> {
  readonly params: Params;
  readonly style: ReplyStyle;
  /** Fields that were not looked at. */
  readonly ignored: readonly string[];
}

/** What /v1/completions generates when `max_tokens` is left out, as OpenAI documents. */
const completionMaxTokens = 16;
const maxPrompts = 128;

/**
 * @param key the client's API key, where it has one
 * @throws StagecoachError INVALID_ARGUMENT naming the field, its value and what is allowed
 */
export function parseCompletionRequest(input: unknown, key?: string): ParsedRequest<GenerateParams> {
  const body = bodyFields(input);
  refuseUnsupported(body);
  const options = readOptions(body, readCompletionLogprobs(body));
  const params: GenerateParams = {
    model: body.text("model"),
    prompts: readPrompts(body),
    n: body.number("n"),
    options,
    ...readRank(body, key),
    defaultMaxTokens: completionMaxTokens,
  };
  return finish(body, params, options);
}

/**
 * @param key the client's API key, where it has one
 * @throws StagecoachError INVALID_ARGUMENT naming the field, its value and what is allowed
 */
export function parseChatRequest(input: unknown, key?: string): ParsedRequest<ChatParams> {
  const body = bodyFields(input);
  refuseUnsupported(body);
  const options = readOptions(body, readChatLogprobs(body));
  const params: ChatParams = {
    model: body.text("model"),
    messages: readMessages(body),
    n: body.number("n"),
    options,
    ...readRank(body, key),
  };
  return finish(body, params, options);
}

/**
 * Reads `messages`; a content of several text parts becomes one text, a line each, as vLLM does.
 * @throws StagecoachError INVALID_ARGUMENT
 */
export function readMessages(body: BodyFields): readonly ChatTurn[] {
  const messages = body.list("messages");
  if (messages === undefined || messages.length === 0) {
    throw invalid("messages", "messages is empty: give at least one message with a role and a content");
  }
  return messages.map((message, index) => {
    const fields = bodyFields(message, `messages[${index}].`);
    return { role: readRole(fields, index), content: readContent(fields, index) };
  });
}

/** Harmless fields of OpenAI's and vLLM's clients that ask for nothing this server does differently. */
const knownHarmless = ["metadata", "store", "service_tier", "request_id", "cache_prompt"];

function finish<Params>(body: BodyFields, params: Params, options: RequestOptions): ParsedRequest<Params> {
  const stream = body.boolean("stream") ?? false;
  const streamOptions = body.object("stream_options");
  if (streamOptions !== undefined && !stream) {
    throw invalid("stream_options", "stream_options is given without streaming: set stream to true");
  }
  const style: ReplyStyle = {
    stream,
    includeUsage: streamOptions?.boolean("include_usage") ?? false,
    returnTokenIds: body.boolean("return_token_ids") ?? false,
    logprobs: options.logprobs !== undefined,
  };
  return { params, style, ignored: body.unread().filter((name) => !knownHarmless.includes(name)) };
}

/** vLLM's `priority`; `user` only counts for clients without a key, for anybody can write anything there. */
function readRank(body: BodyFields, key: string | undefined): Pick<GenerateParams, "priority" | "user"> {
  return { priority: body.number("priority"), user: shareOf(key, body.text("user")) };
}

function readOptions(body: BodyFields, logprobs: number | undefined): RequestOptions {
  return {
    temperature: body.number("temperature"),
    topK: body.number("top_k"),
    topP: body.number("top_p"),
    minP: body.number("min_p"),
    repetitionPenalty: body.number("repetition_penalty"),
    presencePenalty: body.number("presence_penalty"),
    frequencyPenalty: body.number("frequency_penalty"),
    logitBias: readLogitBias(body),
    seed: body.number("seed"),
    stop: body.texts("stop"),
    stopTokenIds: body.numbers("stop_token_ids"),
    maxTokens: readMaxTokens(body),
    minTokens: body.number("min_tokens"),
    ignoreEos: body.boolean("ignore_eos"),
    logprobs,
  };
}

/** `max_completion_tokens` is the newer name; both may be given when they agree. */
function readMaxTokens(body: BodyFields): number | undefined {
  const older = body.number("max_tokens");
  const newer = body.number("max_completion_tokens");
  if (older !== undefined && newer !== undefined && older !== newer) {
    throw invalid(
      "max_completion_tokens",
      `max_tokens is ${older} and max_completion_tokens is ${newer}: give one of them`,
    );
  }
  return newer ?? older;
}

function readLogitBias(body: BodyFields): ReadonlyMap<number, number> | undefined {
  const bias = body.object("logit_bias");
  if (bias === undefined) return undefined;
  return new Map(
    bias.names().map((name) => {
      if (!/^\d{1,10}$/.test(name)) {
        throw invalid("logit_bias", `logit_bias has the key ${shown(name)}: keys are token ids`);
      }
      return [Number(name), bias.number(name) ?? 0];
    }),
  );
}

/** Completions: a count of alternatives. */
function readCompletionLogprobs(body: BodyFields): number | undefined {
  const count = body.number("logprobs");
  return count === undefined ? undefined : checkInteger("logprobs", count, 0, 20);
}

/** Chat: a switch and a count of alternatives. */
function readChatLogprobs(body: BodyFields): number | undefined {
  const wanted = body.boolean("logprobs") ?? false;
  const count = checkInteger("top_logprobs", body.number("top_logprobs") ?? 0, 0, 20);
  if (!wanted && count > 0) {
    throw invalid("top_logprobs", `top_logprobs is ${count} without logprobs: set logprobs to true`);
  }
  return wanted ? count : undefined;
}

/** One text, several, one list of token ids, or several: OpenAI's four forms. */
function readPrompts(body: BodyFields): readonly Prompt[] {
  const value = body.raw("prompt");
  const prompts: readonly unknown[] = isText(value) || isTokenIds(value) ? [value] : asList(value);
  if (prompts.length === 0) throw invalid("prompt", "prompt is empty: give a text or token ids");
  if (prompts.length > maxPrompts) {
    throw invalid("prompt", `prompt has ${prompts.length} prompts: give up to ${maxPrompts} a request`);
  }
  if (isListOf(prompts, isPrompt)) return prompts;
  throw invalid(
    "prompt",
    `prompt is ${shown(value)}: give a text, a list of texts, a list of token ids, or a list of such lists`,
  );
}

function asList(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (value === undefined) return [];
  return [value];
}

function isPrompt(value: unknown): value is Prompt {
  return isText(value) || isTokenIds(value);
}

function isTokenIds(value: unknown): value is readonly number[] {
  return isListOf(value, isNumber) && value.length > 0;
}

const roles = ["system", "user", "assistant"];

function readRole(message: BodyFields, index: number): string {
  const role = message.text("role");
  // OpenAI's newer name for system; models' templates know only the old one.
  if (role === "developer") return "system";
  if (role !== undefined && roles.includes(role)) return role;
  throw invalid(
    `messages[${index}].role`,
    `messages[${index}].role is ${shown(role)}: give one of ${roles.join(", ")}`,
  );
}

function readContent(message: BodyFields, index: number): string {
  const calls = message.raw("tool_calls");
  if (calls !== undefined && !(Array.isArray(calls) && calls.length === 0)) {
    throw invalid(
      `messages[${index}].tool_calls`,
      `messages[${index}].tool_calls: not supported; leave it out`,
    );
  }
  if (!Array.isArray(message.raw("content"))) {
    const content = message.text("content");
    if (content !== undefined) return content;
    throw invalid(`messages[${index}].content`, `messages[${index}].content is missing: give a text`);
  }
  const parts = message.list("content") ?? [];
  return parts.map((part, at) => readPart(part, `messages[${index}].content[${at}].`)).join("\n");
}

function readPart(part: unknown, path: string): string {
  const fields = bodyFields(part, path);
  const type = fields.text("type");
  const text = type === "text" ? fields.text("text") : undefined;
  if (text !== undefined) return text;
  throw invalid(`${path}type`, `${path}type is ${shown(type)}: only text parts with a text are supported`);
}
