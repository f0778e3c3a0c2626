import type { OutgoingHttpHeaders } from "node:http";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { expectedOrInternal } from "../../common/grpc-error.js";
import type { Logger } from "../../common/log.js";
import type { Generation } from "../inference/generation.js";
import type { Inference } from "../inference/inference.js";
import type { ActiveRequests } from "./active-requests.js";
import { errorBody } from "./http-errors.js";
import { chatFormat, completionFormat } from "./openai-formats.js";
import {
  type ReplyContext,
  type ReplyEvents,
  type ReplyFormat,
  replyEvents,
  wholeReply,
} from "./openai-reply.js";
import { type ParsedRequest, parseChatRequest, parseCompletionRequest } from "./openai-request.js";
import { type EventWriter, openEventStream } from "./sse.js";

/** What the routes answer from. */
export interface GenerationRoutesOptions {
  readonly inference: Inference;
  readonly active: ActiveRequests;
  readonly log: Logger;
}

/** `/v1/completions` and `/v1/chat/completions`, whole or streamed. */
export function addGenerationRoutes(app: FastifyInstance, options: GenerationRoutesOptions): void {
  const { inference } = options;
  app.post("/v1/completions", (request, reply) =>
    answer(options, request, reply, {
      parse: parseCompletionRequest,
      start: (params, signal) => inference.generate(params, signal),
      format: completionFormat,
    }),
  );
  app.post("/v1/chat/completions", (request, reply) =>
    answer(options, request, reply, {
      parse: parseChatRequest,
      start: (params, signal) => inference.chat(params, signal),
      format: chatFormat,
    }),
  );
}

interface Endpoint<Params> {
  readonly parse: (body: unknown, key: string | undefined) => ParsedRequest<Params>;
  readonly start: (params: Params, signal: AbortSignal) => Generation;
  readonly format: (context: ReplyContext) => ReplyFormat;
}

async function answer<Params>(
  { inference, active, log }: GenerationRoutesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  endpoint: Endpoint<Params>,
): Promise<unknown> {
  const { params, style, ignored } = endpoint.parse(request.body, request.headers.authorization);
  noteIgnored(reply, ignored);
  const signal = active.track(reply.raw);
  const generation = endpoint.start(params, signal);
  const context: ReplyContext = {
    model: inference.model.id,
    createdUnixSeconds: Math.floor(Date.now() / 1000),
    style,
    faceOf: (id) => ({ text: inference.tokenizer.tokenText(id), bytes: inference.tokenizer.tokenBytes(id) }),
  };
  const format = endpoint.format(context);
  if (!style.stream) return wholeReply(generation, format, context);
  await streamReply(reply, generation, replyEvents(generation, format, context), signal, log);
  return reply;
}

/**
 * Streams events. Until the first one is there, an error is an ordinary error reply; after it, an `error`
 * event and an end without `[DONE]`.
 */
async function streamReply(
  reply: FastifyReply,
  generation: Generation,
  events: ReplyEvents,
  signal: AbortSignal,
  log: Logger,
): Promise<void> {
  let writer: EventWriter | undefined;
  try {
    await generation.run((chunk) => {
      const texts = events.chunk(chunk);
      if (texts.length === 0) return;
      writer ??= beginStream(reply, signal);
      return writer.send(texts);
    });
    writer ??= beginStream(reply, signal);
    await writer.send(events.end());
    writer.done();
  } catch (reason) {
    if (writer === undefined) throw reason;
    const error = expectedOrInternal(reason);
    const level = error.code === "CANCELLED" ? "info" : "warn";
    log[level]({ requestId: reply.request.id, code: error.code }, `stream ended early: ${error.message}`);
    if (!reply.raw.destroyed) writer.fail(JSON.stringify(errorBody(error)));
  }
}

function beginStream(reply: FastifyReply, signal: AbortSignal): EventWriter {
  const headers = Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined);
  reply.hijack();
  return openEventStream(reply.raw, signal, Object.fromEntries(headers) as OutgoingHttpHeaders);
}

/** Says which fields were not looked at: a mistyped name would else go unnoticed. */
function noteIgnored(reply: FastifyReply, ignored: readonly string[]): void {
  const names = ignored.filter((name) => /^[\w-]{1,64}$/.test(name)).slice(0, 16);
  if (names.length > 0) reply.header("x-ignored-fields", names.join(", "));
}
