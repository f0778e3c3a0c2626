import type * as grpc from '@grpc/grpc-js';
import type { MessageTypeDefinition } from '@grpc/proto-loader';

import type { ChatMessage as _stagecoach_v1_ChatMessage, ChatMessage__Output as _stagecoach_v1_ChatMessage__Output } from './stagecoach/v1/ChatMessage.js';
import type { ChatRequest as _stagecoach_v1_ChatRequest, ChatRequest__Output as _stagecoach_v1_ChatRequest__Output } from './stagecoach/v1/ChatRequest.js';
import type { EmbedReply as _stagecoach_v1_EmbedReply, EmbedReply__Output as _stagecoach_v1_EmbedReply__Output } from './stagecoach/v1/EmbedReply.js';
import type { EmbedRequest as _stagecoach_v1_EmbedRequest, EmbedRequest__Output as _stagecoach_v1_EmbedRequest__Output } from './stagecoach/v1/EmbedRequest.js';
import type { Embedding as _stagecoach_v1_Embedding, Embedding__Output as _stagecoach_v1_Embedding__Output } from './stagecoach/v1/Embedding.js';
import type { GenerateReply as _stagecoach_v1_GenerateReply, GenerateReply__Output as _stagecoach_v1_GenerateReply__Output } from './stagecoach/v1/GenerateReply.js';
import type { GenerateRequest as _stagecoach_v1_GenerateRequest, GenerateRequest__Output as _stagecoach_v1_GenerateRequest__Output } from './stagecoach/v1/GenerateRequest.js';
import type { InferenceClient as _stagecoach_v1_InferenceClient, InferenceDefinition as _stagecoach_v1_InferenceDefinition } from './stagecoach/v1/Inference.js';
import type { ListModelsReply as _stagecoach_v1_ListModelsReply, ListModelsReply__Output as _stagecoach_v1_ListModelsReply__Output } from './stagecoach/v1/ListModelsReply.js';
import type { ListModelsRequest as _stagecoach_v1_ListModelsRequest, ListModelsRequest__Output as _stagecoach_v1_ListModelsRequest__Output } from './stagecoach/v1/ListModelsRequest.js';
import type { ModelInfo as _stagecoach_v1_ModelInfo, ModelInfo__Output as _stagecoach_v1_ModelInfo__Output } from './stagecoach/v1/ModelInfo.js';
import type { SamplingOptions as _stagecoach_v1_SamplingOptions, SamplingOptions__Output as _stagecoach_v1_SamplingOptions__Output } from './stagecoach/v1/SamplingOptions.js';
import type { TokenIds as _stagecoach_v1_TokenIds, TokenIds__Output as _stagecoach_v1_TokenIds__Output } from './stagecoach/v1/TokenIds.js';
import type { TokenLogprob as _stagecoach_v1_TokenLogprob, TokenLogprob__Output as _stagecoach_v1_TokenLogprob__Output } from './stagecoach/v1/TokenLogprob.js';
import type { TokenLogprobs as _stagecoach_v1_TokenLogprobs, TokenLogprobs__Output as _stagecoach_v1_TokenLogprobs__Output } from './stagecoach/v1/TokenLogprobs.js';
import type { TokenizeReply as _stagecoach_v1_TokenizeReply, TokenizeReply__Output as _stagecoach_v1_TokenizeReply__Output } from './stagecoach/v1/TokenizeReply.js';
import type { TokenizeRequest as _stagecoach_v1_TokenizeRequest, TokenizeRequest__Output as _stagecoach_v1_TokenizeRequest__Output } from './stagecoach/v1/TokenizeRequest.js';
import type { Usage as _stagecoach_v1_Usage, Usage__Output as _stagecoach_v1_Usage__Output } from './stagecoach/v1/Usage.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  stagecoach: {
    v1: {
      ChatMessage: MessageTypeDefinition<_stagecoach_v1_ChatMessage, _stagecoach_v1_ChatMessage__Output>
      ChatRequest: MessageTypeDefinition<_stagecoach_v1_ChatRequest, _stagecoach_v1_ChatRequest__Output>
      EmbedReply: MessageTypeDefinition<_stagecoach_v1_EmbedReply, _stagecoach_v1_EmbedReply__Output>
      EmbedRequest: MessageTypeDefinition<_stagecoach_v1_EmbedRequest, _stagecoach_v1_EmbedRequest__Output>
      Embedding: MessageTypeDefinition<_stagecoach_v1_Embedding, _stagecoach_v1_Embedding__Output>
      GenerateReply: MessageTypeDefinition<_stagecoach_v1_GenerateReply, _stagecoach_v1_GenerateReply__Output>
      GenerateRequest: MessageTypeDefinition<_stagecoach_v1_GenerateRequest, _stagecoach_v1_GenerateRequest__Output>
      /**
       * Inference is what applications call.
       */
      Inference: SubtypeConstructor<typeof grpc.Client, _stagecoach_v1_InferenceClient> & { service: _stagecoach_v1_InferenceDefinition }
      ListModelsReply: MessageTypeDefinition<_stagecoach_v1_ListModelsReply, _stagecoach_v1_ListModelsReply__Output>
      ListModelsRequest: MessageTypeDefinition<_stagecoach_v1_ListModelsRequest, _stagecoach_v1_ListModelsRequest__Output>
      ModelInfo: MessageTypeDefinition<_stagecoach_v1_ModelInfo, _stagecoach_v1_ModelInfo__Output>
      SamplingOptions: MessageTypeDefinition<_stagecoach_v1_SamplingOptions, _stagecoach_v1_SamplingOptions__Output>
      TokenIds: MessageTypeDefinition<_stagecoach_v1_TokenIds, _stagecoach_v1_TokenIds__Output>
      TokenLogprob: MessageTypeDefinition<_stagecoach_v1_TokenLogprob, _stagecoach_v1_TokenLogprob__Output>
      TokenLogprobs: MessageTypeDefinition<_stagecoach_v1_TokenLogprobs, _stagecoach_v1_TokenLogprobs__Output>
      TokenizeReply: MessageTypeDefinition<_stagecoach_v1_TokenizeReply, _stagecoach_v1_TokenizeReply__Output>
      TokenizeRequest: MessageTypeDefinition<_stagecoach_v1_TokenizeRequest, _stagecoach_v1_TokenizeRequest__Output>
      Usage: MessageTypeDefinition<_stagecoach_v1_Usage, _stagecoach_v1_Usage__Output>
    }
  }
}

