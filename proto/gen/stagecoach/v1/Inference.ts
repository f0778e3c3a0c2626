// Original file: proto/stagecoach/v1/inference.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { ChatRequest as _stagecoach_v1_ChatRequest, ChatRequest__Output as _stagecoach_v1_ChatRequest__Output } from '../../stagecoach/v1/ChatRequest.js';
import type { EmbedReply as _stagecoach_v1_EmbedReply, EmbedReply__Output as _stagecoach_v1_EmbedReply__Output } from '../../stagecoach/v1/EmbedReply.js';
import type { EmbedRequest as _stagecoach_v1_EmbedRequest, EmbedRequest__Output as _stagecoach_v1_EmbedRequest__Output } from '../../stagecoach/v1/EmbedRequest.js';
import type { GenerateReply as _stagecoach_v1_GenerateReply, GenerateReply__Output as _stagecoach_v1_GenerateReply__Output } from '../../stagecoach/v1/GenerateReply.js';
import type { GenerateRequest as _stagecoach_v1_GenerateRequest, GenerateRequest__Output as _stagecoach_v1_GenerateRequest__Output } from '../../stagecoach/v1/GenerateRequest.js';
import type { ListModelsReply as _stagecoach_v1_ListModelsReply, ListModelsReply__Output as _stagecoach_v1_ListModelsReply__Output } from '../../stagecoach/v1/ListModelsReply.js';
import type { ListModelsRequest as _stagecoach_v1_ListModelsRequest, ListModelsRequest__Output as _stagecoach_v1_ListModelsRequest__Output } from '../../stagecoach/v1/ListModelsRequest.js';
import type { TokenizeReply as _stagecoach_v1_TokenizeReply, TokenizeReply__Output as _stagecoach_v1_TokenizeReply__Output } from '../../stagecoach/v1/TokenizeReply.js';
import type { TokenizeRequest as _stagecoach_v1_TokenizeRequest, TokenizeRequest__Output as _stagecoach_v1_TokenizeRequest__Output } from '../../stagecoach/v1/TokenizeRequest.js';

/**
 * Inference is what applications call.
 */
export interface InferenceClient extends grpc.Client {
  Chat(argument: _stagecoach_v1_ChatRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_GenerateReply__Output>;
  Chat(argument: _stagecoach_v1_ChatRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_GenerateReply__Output>;
  chat(argument: _stagecoach_v1_ChatRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_GenerateReply__Output>;
  chat(argument: _stagecoach_v1_ChatRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_GenerateReply__Output>;
  
  Embed(argument: _stagecoach_v1_EmbedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_EmbedReply__Output>): grpc.ClientUnaryCall;
  Embed(argument: _stagecoach_v1_EmbedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_EmbedReply__Output>): grpc.ClientUnaryCall;
  Embed(argument: _stagecoach_v1_EmbedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_EmbedReply__Output>): grpc.ClientUnaryCall;
  Embed(argument: _stagecoach_v1_EmbedRequest, callback: grpc.requestCallback<_stagecoach_v1_EmbedReply__Output>): grpc.ClientUnaryCall;
  embed(argument: _stagecoach_v1_EmbedRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_EmbedReply__Output>): grpc.ClientUnaryCall;
  embed(argument: _stagecoach_v1_EmbedRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_EmbedReply__Output>): grpc.ClientUnaryCall;
  embed(argument: _stagecoach_v1_EmbedRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_EmbedReply__Output>): grpc.ClientUnaryCall;
  embed(argument: _stagecoach_v1_EmbedRequest, callback: grpc.requestCallback<_stagecoach_v1_EmbedReply__Output>): grpc.ClientUnaryCall;
  
  Generate(argument: _stagecoach_v1_GenerateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_GenerateReply__Output>;
  Generate(argument: _stagecoach_v1_GenerateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_GenerateReply__Output>;
  generate(argument: _stagecoach_v1_GenerateRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_GenerateReply__Output>;
  generate(argument: _stagecoach_v1_GenerateRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_GenerateReply__Output>;
  
  ListModels(argument: _stagecoach_v1_ListModelsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_ListModelsReply__Output>): grpc.ClientUnaryCall;
  ListModels(argument: _stagecoach_v1_ListModelsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_ListModelsReply__Output>): grpc.ClientUnaryCall;
  ListModels(argument: _stagecoach_v1_ListModelsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_ListModelsReply__Output>): grpc.ClientUnaryCall;
  ListModels(argument: _stagecoach_v1_ListModelsRequest, callback: grpc.requestCallback<_stagecoach_v1_ListModelsReply__Output>): grpc.ClientUnaryCall;
  listModels(argument: _stagecoach_v1_ListModelsRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_ListModelsReply__Output>): grpc.ClientUnaryCall;
  listModels(argument: _stagecoach_v1_ListModelsRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_ListModelsReply__Output>): grpc.ClientUnaryCall;
  listModels(argument: _stagecoach_v1_ListModelsRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_ListModelsReply__Output>): grpc.ClientUnaryCall;
  listModels(argument: _stagecoach_v1_ListModelsRequest, callback: grpc.requestCallback<_stagecoach_v1_ListModelsReply__Output>): grpc.ClientUnaryCall;
  
  Tokenize(argument: _stagecoach_v1_TokenizeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_TokenizeReply__Output>): grpc.ClientUnaryCall;
  Tokenize(argument: _stagecoach_v1_TokenizeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_TokenizeReply__Output>): grpc.ClientUnaryCall;
  Tokenize(argument: _stagecoach_v1_TokenizeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_TokenizeReply__Output>): grpc.ClientUnaryCall;
  Tokenize(argument: _stagecoach_v1_TokenizeRequest, callback: grpc.requestCallback<_stagecoach_v1_TokenizeReply__Output>): grpc.ClientUnaryCall;
  tokenize(argument: _stagecoach_v1_TokenizeRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_TokenizeReply__Output>): grpc.ClientUnaryCall;
  tokenize(argument: _stagecoach_v1_TokenizeRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_TokenizeReply__Output>): grpc.ClientUnaryCall;
  tokenize(argument: _stagecoach_v1_TokenizeRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_TokenizeReply__Output>): grpc.ClientUnaryCall;
  tokenize(argument: _stagecoach_v1_TokenizeRequest, callback: grpc.requestCallback<_stagecoach_v1_TokenizeReply__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Inference is what applications call.
 */
export interface InferenceHandlers extends grpc.UntypedServiceImplementation {
  Chat: grpc.handleServerStreamingCall<_stagecoach_v1_ChatRequest__Output, _stagecoach_v1_GenerateReply>;
  
  Embed: grpc.handleUnaryCall<_stagecoach_v1_EmbedRequest__Output, _stagecoach_v1_EmbedReply>;
  
  Generate: grpc.handleServerStreamingCall<_stagecoach_v1_GenerateRequest__Output, _stagecoach_v1_GenerateReply>;
  
  ListModels: grpc.handleUnaryCall<_stagecoach_v1_ListModelsRequest__Output, _stagecoach_v1_ListModelsReply>;
  
  Tokenize: grpc.handleUnaryCall<_stagecoach_v1_TokenizeRequest__Output, _stagecoach_v1_TokenizeReply>;
  
}

export interface InferenceDefinition extends grpc.ServiceDefinition {
  Chat: MethodDefinition<_stagecoach_v1_ChatRequest, _stagecoach_v1_GenerateReply, _stagecoach_v1_ChatRequest__Output, _stagecoach_v1_GenerateReply__Output>
  Embed: MethodDefinition<_stagecoach_v1_EmbedRequest, _stagecoach_v1_EmbedReply, _stagecoach_v1_EmbedRequest__Output, _stagecoach_v1_EmbedReply__Output>
  Generate: MethodDefinition<_stagecoach_v1_GenerateRequest, _stagecoach_v1_GenerateReply, _stagecoach_v1_GenerateRequest__Output, _stagecoach_v1_GenerateReply__Output>
  ListModels: MethodDefinition<_stagecoach_v1_ListModelsRequest, _stagecoach_v1_ListModelsReply, _stagecoach_v1_ListModelsRequest__Output, _stagecoach_v1_ListModelsReply__Output>
  Tokenize: MethodDefinition<_stagecoach_v1_TokenizeRequest, _stagecoach_v1_TokenizeReply, _stagecoach_v1_TokenizeRequest__Output, _stagecoach_v1_TokenizeReply__Output>
}
