import type { Metadata } from "@grpc/grpc-js";
import { StagecoachError } from "../../common/errors.js";
import { unaryHandler, type WriteReply, writerHandler } from "../../common/grpc-handlers.js";
import type { GrpcService } from "../../common/grpc-server.js";
import { oneof, v1 } from "../../common/proto.js";
import type { ChatRequest__Output } from "../../proto/gen/stagecoach/v1/ChatRequest.js";
import type { EmbedReply } from "../../proto/gen/stagecoach/v1/EmbedReply.js";
import type { GenerateReply } from "../../proto/gen/stagecoach/v1/GenerateReply.js";
import type { GenerateRequest__Output } from "../../proto/gen/stagecoach/v1/GenerateRequest.js";
import type { InferenceHandlers } from "../../proto/gen/stagecoach/v1/Inference.js";
import type { ListModelsReply } from "../../proto/gen/stagecoach/v1/ListModelsReply.js";
import type { SamplingOptions__Output } from "../../proto/gen/stagecoach/v1/SamplingOptions.js";
import type { TokenizeReply } from "../../proto/gen/stagecoach/v1/TokenizeReply.js";
import type { TokenizeRequest__Output } from "../../proto/gen/stagecoach/v1/TokenizeRequest.js";
import type { TokenLogprobs } from "../../proto/gen/stagecoach/v1/TokenLogprobs.js";
import { invalid } from "../inference/checks.js";
import type { Generation, OutputToken } from "../inference/generation.js";
import type { Inference } from "../inference/inference.js";
import type { Prompt, RequestOptions } from "../inference/request.js";
import { shareOf } from "./share-of.js";

/** The Inference service of stagecoach.v1. */
export function inferenceService(inference: Inference): GrpcService {
  const implementation: InferenceHandlers = {
    Generate: writerHandler((request: GenerateRequest__Output, { signal, metadata }, write) => {
      const { model, options } = request;
      const params = {
        model,
        prompts: [promptOf(request)],
        options: requestOptions(options),
        ...rankOf(request, metadata),
      };
      return writeReplies(inference, inference.generate(params, signal), write);
    }),
    Chat: writerHandler((request: ChatRequest__Output, { signal, metadata }, write) => {
      const { model, messages, options } = request;
      const params = { model, messages, options: requestOptions(options), ...rankOf(request, metadata) };
      return writeReplies(inference, inference.chat(params, signal), write);
    }),
    Embed: unaryHandler((): EmbedReply => {
      throw new StagecoachError(
        "UNIMPLEMENTED",
        "embeddings are not supported yet: use Generate, Chat or Tokenize",
      );
    }),
    Tokenize: unaryHandler((request: TokenizeRequest__Output): TokenizeReply => {
      const { model, text, parseSpecial, addSpecial } = request;
      inference.checkModel(model);
      return { ids: [...inference.tokenize(text, { parseSpecial, addSpecial })] };
    }),
    ListModels: unaryHandler((): ListModelsReply => ({ models: [modelInfo(inference)] })),
  };
  return { definition: v1.Inference.service, implementation };
}

function modelInfo({ model, maxContext }: Inference) {
  const { id, variant, vocabularySize, createdUnixSeconds } = model;
  return { id, variant, maxContext, vocabularySize, createdUnixSeconds };
}

function promptOf(request: GenerateRequest__Output): Prompt {
  const input = oneof(request, "input");
  if (input === undefined) throw invalid("prompt", "prompt is missing: set prompt or prompt_ids");
  return input.kind === "prompt" ? input.value : input.value.ids;
}

function rankOf({ priority, user }: { priority: number; user: string }, metadata: Metadata) {
  const [authorization] = metadata.get("authorization");
  return { priority, user: shareOf(authorization?.toString(), user) };
}

/** Absent scalars stay absent; what proto3 cannot leave out is absent when empty. */
function requestOptions(options: SamplingOptions__Output | null): RequestOptions {
  if (options === null) return {};
  const { logitBias, ...rest } = options;
  const bias = Object.entries(logitBias).map(([id, value]) => [Number(id), value] as const);
  return { ...rest, logitBias: new Map(bias) };
}

function writeReplies(
  inference: Inference,
  generation: Generation,
  write: WriteReply<GenerateReply>,
): Promise<void> {
  return generation.run(({ text, tokens, finishReason }) =>
    write({
      text,
      tokenIds: tokens.map(({ tokenId }) => tokenId),
      logprobs: tokens.flatMap((token) => tokenLogprobs(inference, token)),
      ...(finishReason !== undefined && { finishReason, usage: generation.usage() }),
    }),
  );
}

function tokenLogprobs({ tokenizer }: Inference, token: OutputToken): TokenLogprobs[] {
  if (token.logprob === undefined) return [];
  const entry = (tokenId: number, logprob: number) => ({
    tokenId,
    logprob,
    text: tokenizer.tokenText(tokenId),
    bytes: Buffer.from(tokenizer.tokenBytes(tokenId)),
  });
  const top = (token.top ?? []).map((other) => entry(other.tokenId, other.logprob));
  return [{ chosen: entry(token.tokenId, token.logprob), top }];
}
