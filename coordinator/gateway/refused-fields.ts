import { StagecoachError } from "../../common/errors.js";
import { shown } from "../inference/checks.js";
import type { BodyFields } from "./body-fields.js";

/** A field that would change what comes out and that this server cannot honour. */
interface Refusal {
  /** Values that change nothing and are let through. */
  readonly harmless: (value: unknown, body: BodyFields) => boolean;
  readonly wayOut: string;
}

const leaveOut = "leave it out";
const never = (): boolean => false;
const empty = (value: unknown): boolean => isEmpty(value);
const only =
  (...values: unknown[]) =>
  (value: unknown): boolean =>
    values.includes(value);

const refusals: Readonly<Record<string, Refusal>> = {
  // OpenAI's
  tools: { harmless: empty, wayOut: "tool calls are not supported; leave it out" },
  tool_choice: { harmless: only("none", "auto"), wayOut: "tool calls are not supported; leave it out" },
  functions: { harmless: empty, wayOut: "function calls are not supported; leave it out" },
  function_call: { harmless: only("none", "auto"), wayOut: "function calls are not supported; leave it out" },
  response_format: { harmless: isTextFormat, wayOut: 'only {"type": "text"} is supported' },
  modalities: { harmless: isTextOnly, wayOut: 'only ["text"] is supported' },
  audio: { harmless: never, wayOut: "audio is not supported; leave it out" },
  prediction: { harmless: never, wayOut: leaveOut },
  web_search_options: { harmless: never, wayOut: leaveOut },
  suffix: { harmless: only(""), wayOut: "this model only continues text; leave it out" },
  echo: { harmless: only(false), wayOut: "put the prompt before the text yourself" },
  best_of: {
    harmless: (value, body) => value === (body.raw("n") ?? 1),
    wayOut: "ask for n texts and choose among them",
  },
  // vLLM's
  use_beam_search: { harmless: only(false), wayOut: leaveOut },
  prompt_logprobs: { harmless: never, wayOut: leaveOut },
  structured_outputs: { harmless: never, wayOut: leaveOut },
  guided_json: { harmless: never, wayOut: leaveOut },
  guided_regex: { harmless: never, wayOut: leaveOut },
  guided_choice: { harmless: never, wayOut: leaveOut },
  guided_grammar: { harmless: never, wayOut: leaveOut },
  include_stop_str_in_output: { harmless: only(false), wayOut: "add the stop text yourself" },
  skip_special_tokens: { harmless: only(true), wayOut: "ask for return_token_ids and decode them yourself" },
  truncate_prompt_tokens: { harmless: never, wayOut: "shorten the prompt yourself" },
  allowed_token_ids: { harmless: never, wayOut: "use logit_bias" },
  bad_words: { harmless: empty, wayOut: "use logit_bias" },
  length_penalty: { harmless: only(1), wayOut: leaveOut },
  logits_processors: { harmless: empty, wayOut: leaveOut },
  add_generation_prompt: { harmless: only(true), wayOut: "use /v1/completions" },
  continue_final_message: { harmless: only(false), wayOut: "use /v1/completions" },
  add_special_tokens: {
    harmless: (value, body) => value === (body.raw("messages") === undefined),
    wayOut: "give the prompt as token ids",
  },
  chat_template: { harmless: never, wayOut: "the model's own template is used; leave it out" },
  chat_template_kwargs: { harmless: empty, wayOut: leaveOut },
  documents: { harmless: empty, wayOut: "put them into a message" },
  // llama.cpp's and Ollama's
  grammar: { harmless: only(""), wayOut: leaveOut },
  json_schema: { harmless: never, wayOut: leaveOut },
  n_predict: { harmless: never, wayOut: "use max_tokens" },
  num_predict: { harmless: never, wayOut: "use max_tokens" },
  repeat_penalty: { harmless: never, wayOut: "use repetition_penalty" },
  typical_p: { harmless: only(1), wayOut: leaveOut },
  mirostat: { harmless: only(0), wayOut: leaveOut },
  dry_multiplier: { harmless: only(0), wayOut: leaveOut },
  xtc_probability: { harmless: only(0), wayOut: leaveOut },
};

/**
 * Refuses what would silently be answered with something else than was asked for. Fields that are merely
 * unknown, or change nothing (`metadata`, `store` …), pass.
 * @throws StagecoachError INVALID_ARGUMENT naming the field, its value and the way out
 */
export function refuseUnsupported(body: BodyFields): void {
  for (const name of body.names()) {
    const refusal = Object.hasOwn(refusals, name) ? refusals[name] : undefined;
    if (refusal === undefined) continue;
    const value = body.raw(name);
    if (value === undefined || refusal.harmless(value, body)) continue;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${name} is ${shown(value)}, which this server does not support: ${refusal.wayOut}`,
      { details: { param: name, reason: "unsupported_parameter" } },
    );
  }
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && Object.keys(value).length === 0;
}

function isTextFormat(value: unknown): boolean {
  return typeof value === "object" && value !== null && "type" in value && value.type === "text";
}

function isTextOnly(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => each === "text");
}
