import type { FastifyInstance } from "fastify";
import { invalid } from "../inference/checks.js";
import type { Inference } from "../inference/inference.js";
import { type BodyFields, bodyFields } from "./body-fields.js";
import { readMessages } from "./openai-request.js";

/**
 * `/tokenize` and `/detokenize`, in vLLM's words (`prompt` or `messages`, `add_special_tokens`) and in
 * llama-server's (`content`, `add_special`, `parse_special`).
 */
export function addTokenRoutes(app: FastifyInstance, inference: Inference): void {
  app.post("/tokenize", async (request) => {
    const body = bodyFields(request.body);
    inference.checkModel(body.text("model"));
    const tokens = [...tokenize(inference, body)];
    const texts = body.boolean("return_token_strs") ?? false;
    return {
      tokens,
      count: tokens.length,
      max_model_len: inference.maxContext,
      ...(texts && { token_strs: tokens.map((id) => inference.tokenizer.tokenText(id)) }),
    };
  });
  app.post("/detokenize", async (request) => {
    const body = bodyFields(request.body);
    inference.checkModel(body.text("model"));
    const tokens = body.numbers("tokens");
    if (tokens === undefined) throw invalid("tokens", "tokens is missing: give a list of token ids");
    const text = inference.detokenize(tokens);
    return { prompt: text, content: text };
  });
}

function tokenize(inference: Inference, body: BodyFields): Uint32Array {
  if (body.raw("messages") !== undefined) return inference.tokenizeChat(readMessages(body));
  const parseSpecial = body.boolean("parse_special") ?? true;
  const prompt = body.text("prompt");
  if (prompt !== undefined) {
    const addSpecial = body.boolean("add_special_tokens") ?? true;
    return inference.tokenize(prompt, { parseSpecial, addSpecial });
  }
  const content = body.text("content");
  if (content === undefined) throw invalid("prompt", "prompt is missing: give a text, or messages");
  return inference.tokenize(content, { parseSpecial, addSpecial: body.boolean("add_special") ?? false });
}
