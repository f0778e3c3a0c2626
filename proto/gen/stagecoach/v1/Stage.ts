// Original file: proto/stagecoach/v1/stage.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { EchoReply as _stagecoach_v1_EchoReply, EchoReply__Output as _stagecoach_v1_EchoReply__Output } from '../../stagecoach/v1/EchoReply.js';
import type { EchoRequest as _stagecoach_v1_EchoRequest, EchoRequest__Output as _stagecoach_v1_EchoRequest__Output } from '../../stagecoach/v1/EchoRequest.js';
import type { Frame as _stagecoach_v1_Frame, Frame__Output as _stagecoach_v1_Frame__Output } from '../../stagecoach/v1/Frame.js';
import type { FramesReply as _stagecoach_v1_FramesReply, FramesReply__Output as _stagecoach_v1_FramesReply__Output } from '../../stagecoach/v1/FramesReply.js';
import type { LoadProgress as _stagecoach_v1_LoadProgress, LoadProgress__Output as _stagecoach_v1_LoadProgress__Output } from '../../stagecoach/v1/LoadProgress.js';
import type { LoadRequest as _stagecoach_v1_LoadRequest, LoadRequest__Output as _stagecoach_v1_LoadRequest__Output } from '../../stagecoach/v1/LoadRequest.js';
import type { MeasureLinkReply as _stagecoach_v1_MeasureLinkReply, MeasureLinkReply__Output as _stagecoach_v1_MeasureLinkReply__Output } from '../../stagecoach/v1/MeasureLinkReply.js';
import type { MeasureLinkRequest as _stagecoach_v1_MeasureLinkRequest, MeasureLinkRequest__Output as _stagecoach_v1_MeasureLinkRequest__Output } from '../../stagecoach/v1/MeasureLinkRequest.js';
import type { MeasureReply as _stagecoach_v1_MeasureReply, MeasureReply__Output as _stagecoach_v1_MeasureReply__Output } from '../../stagecoach/v1/MeasureReply.js';
import type { MeasureRequest as _stagecoach_v1_MeasureRequest, MeasureRequest__Output as _stagecoach_v1_MeasureRequest__Output } from '../../stagecoach/v1/MeasureRequest.js';
import type { OpenLinkReply as _stagecoach_v1_OpenLinkReply, OpenLinkReply__Output as _stagecoach_v1_OpenLinkReply__Output } from '../../stagecoach/v1/OpenLinkReply.js';
import type { OpenLinkRequest as _stagecoach_v1_OpenLinkRequest, OpenLinkRequest__Output as _stagecoach_v1_OpenLinkRequest__Output } from '../../stagecoach/v1/OpenLinkRequest.js';
import type { Output as _stagecoach_v1_Output, Output__Output as _stagecoach_v1_Output__Output } from '../../stagecoach/v1/Output.js';
import type { OutputsRequest as _stagecoach_v1_OutputsRequest, OutputsRequest__Output as _stagecoach_v1_OutputsRequest__Output } from '../../stagecoach/v1/OutputsRequest.js';
import type { TakeTokensReply as _stagecoach_v1_TakeTokensReply, TakeTokensReply__Output as _stagecoach_v1_TakeTokensReply__Output } from '../../stagecoach/v1/TakeTokensReply.js';
import type { TakeTokensRequest as _stagecoach_v1_TakeTokensRequest, TakeTokensRequest__Output as _stagecoach_v1_TakeTokensRequest__Output } from '../../stagecoach/v1/TakeTokensRequest.js';

/**
 * Stage is what a worker offers to the coordinator and to the stage before it.
 */
export interface StageClient extends grpc.Client {
  /**
   * Answers with as many bytes as asked for; the far end of MeasureLink.
   */
  Echo(argument: _stagecoach_v1_EchoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_EchoReply__Output>): grpc.ClientUnaryCall;
  Echo(argument: _stagecoach_v1_EchoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_EchoReply__Output>): grpc.ClientUnaryCall;
  Echo(argument: _stagecoach_v1_EchoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_EchoReply__Output>): grpc.ClientUnaryCall;
  Echo(argument: _stagecoach_v1_EchoRequest, callback: grpc.requestCallback<_stagecoach_v1_EchoReply__Output>): grpc.ClientUnaryCall;
  /**
   * Answers with as many bytes as asked for; the far end of MeasureLink.
   */
  echo(argument: _stagecoach_v1_EchoRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_EchoReply__Output>): grpc.ClientUnaryCall;
  echo(argument: _stagecoach_v1_EchoRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_EchoReply__Output>): grpc.ClientUnaryCall;
  echo(argument: _stagecoach_v1_EchoRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_EchoReply__Output>): grpc.ClientUnaryCall;
  echo(argument: _stagecoach_v1_EchoRequest, callback: grpc.requestCallback<_stagecoach_v1_EchoReply__Output>): grpc.ClientUnaryCall;
  
  /**
   * The way in for micro-batches: from the coordinator into the first stage,
   * from each stage into the next. One stream an epoch, frames in the
   * coordinator's order. The reply comes when the caller ends the stream.
   */
  Frames(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_FramesReply__Output>): grpc.ClientWritableStream<_stagecoach_v1_Frame>;
  Frames(metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_FramesReply__Output>): grpc.ClientWritableStream<_stagecoach_v1_Frame>;
  Frames(options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_FramesReply__Output>): grpc.ClientWritableStream<_stagecoach_v1_Frame>;
  Frames(callback: grpc.requestCallback<_stagecoach_v1_FramesReply__Output>): grpc.ClientWritableStream<_stagecoach_v1_Frame>;
  /**
   * The way in for micro-batches: from the coordinator into the first stage,
   * from each stage into the next. One stream an epoch, frames in the
   * coordinator's order. The reply comes when the caller ends the stream.
   */
  frames(metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_FramesReply__Output>): grpc.ClientWritableStream<_stagecoach_v1_Frame>;
  frames(metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_FramesReply__Output>): grpc.ClientWritableStream<_stagecoach_v1_Frame>;
  frames(options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_FramesReply__Output>): grpc.ClientWritableStream<_stagecoach_v1_Frame>;
  frames(callback: grpc.requestCallback<_stagecoach_v1_FramesReply__Output>): grpc.ClientWritableStream<_stagecoach_v1_Frame>;
  
  /**
   * Takes a layer range: fetches missing blobs, opens the graph, reserves KV.
   * Progress streams until a final message with ready set; loading again
   * replaces what was loaded before and starts a new epoch.
   */
  Load(argument: _stagecoach_v1_LoadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_LoadProgress__Output>;
  Load(argument: _stagecoach_v1_LoadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_LoadProgress__Output>;
  /**
   * Takes a layer range: fetches missing blobs, opens the graph, reserves KV.
   * Progress streams until a final message with ready set; loading again
   * replaces what was loaded before and starts a new epoch.
   */
  load(argument: _stagecoach_v1_LoadRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_LoadProgress__Output>;
  load(argument: _stagecoach_v1_LoadRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_LoadProgress__Output>;
  
  /**
   * Times this worker's hardware on the named model, for the planner.
   */
  Measure(argument: _stagecoach_v1_MeasureRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_MeasureReply__Output>): grpc.ClientUnaryCall;
  Measure(argument: _stagecoach_v1_MeasureRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_MeasureReply__Output>): grpc.ClientUnaryCall;
  Measure(argument: _stagecoach_v1_MeasureRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_MeasureReply__Output>): grpc.ClientUnaryCall;
  Measure(argument: _stagecoach_v1_MeasureRequest, callback: grpc.requestCallback<_stagecoach_v1_MeasureReply__Output>): grpc.ClientUnaryCall;
  /**
   * Times this worker's hardware on the named model, for the planner.
   */
  measure(argument: _stagecoach_v1_MeasureRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_MeasureReply__Output>): grpc.ClientUnaryCall;
  measure(argument: _stagecoach_v1_MeasureRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_MeasureReply__Output>): grpc.ClientUnaryCall;
  measure(argument: _stagecoach_v1_MeasureRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_MeasureReply__Output>): grpc.ClientUnaryCall;
  measure(argument: _stagecoach_v1_MeasureRequest, callback: grpc.requestCallback<_stagecoach_v1_MeasureReply__Output>): grpc.ClientUnaryCall;
  
  /**
   * Times the link from this worker to another address.
   */
  MeasureLink(argument: _stagecoach_v1_MeasureLinkRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_MeasureLinkReply__Output>): grpc.ClientUnaryCall;
  MeasureLink(argument: _stagecoach_v1_MeasureLinkRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_MeasureLinkReply__Output>): grpc.ClientUnaryCall;
  MeasureLink(argument: _stagecoach_v1_MeasureLinkRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_MeasureLinkReply__Output>): grpc.ClientUnaryCall;
  MeasureLink(argument: _stagecoach_v1_MeasureLinkRequest, callback: grpc.requestCallback<_stagecoach_v1_MeasureLinkReply__Output>): grpc.ClientUnaryCall;
  /**
   * Times the link from this worker to another address.
   */
  measureLink(argument: _stagecoach_v1_MeasureLinkRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_MeasureLinkReply__Output>): grpc.ClientUnaryCall;
  measureLink(argument: _stagecoach_v1_MeasureLinkRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_MeasureLinkReply__Output>): grpc.ClientUnaryCall;
  measureLink(argument: _stagecoach_v1_MeasureLinkRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_MeasureLinkReply__Output>): grpc.ClientUnaryCall;
  measureLink(argument: _stagecoach_v1_MeasureLinkRequest, callback: grpc.requestCallback<_stagecoach_v1_MeasureLinkReply__Output>): grpc.ClientUnaryCall;
  
  /**
   * Where frames may come in (from the coordinator or the stage before), or the
   * last stage's outputs go out, without gRPC: over a TCP connection of their
   * own that ends in the engine's thread.
   */
  OpenLink(argument: _stagecoach_v1_OpenLinkRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_OpenLinkReply__Output>): grpc.ClientUnaryCall;
  OpenLink(argument: _stagecoach_v1_OpenLinkRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_OpenLinkReply__Output>): grpc.ClientUnaryCall;
  OpenLink(argument: _stagecoach_v1_OpenLinkRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_OpenLinkReply__Output>): grpc.ClientUnaryCall;
  OpenLink(argument: _stagecoach_v1_OpenLinkRequest, callback: grpc.requestCallback<_stagecoach_v1_OpenLinkReply__Output>): grpc.ClientUnaryCall;
  /**
   * Where frames may come in (from the coordinator or the stage before), or the
   * last stage's outputs go out, without gRPC: over a TCP connection of their
   * own that ends in the engine's thread.
   */
  openLink(argument: _stagecoach_v1_OpenLinkRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_OpenLinkReply__Output>): grpc.ClientUnaryCall;
  openLink(argument: _stagecoach_v1_OpenLinkRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_OpenLinkReply__Output>): grpc.ClientUnaryCall;
  openLink(argument: _stagecoach_v1_OpenLinkRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_OpenLinkReply__Output>): grpc.ClientUnaryCall;
  openLink(argument: _stagecoach_v1_OpenLinkRequest, callback: grpc.requestCallback<_stagecoach_v1_OpenLinkReply__Output>): grpc.ClientUnaryCall;
  
  /**
   * What a stage tells the coordinator: sampled tokens (last stage), failures.
   */
  Outputs(argument: _stagecoach_v1_OutputsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_Output__Output>;
  Outputs(argument: _stagecoach_v1_OutputsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_Output__Output>;
  /**
   * What a stage tells the coordinator: sampled tokens (last stage), failures.
   */
  outputs(argument: _stagecoach_v1_OutputsRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_Output__Output>;
  outputs(argument: _stagecoach_v1_OutputsRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_Output__Output>;
  
  /**
   * Has the first stage take what the last one samples straight from there, so
   * that steps may be sent to it before the coordinator knows their tokens.
   */
  TakeTokens(argument: _stagecoach_v1_TakeTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_TakeTokensReply__Output>): grpc.ClientUnaryCall;
  TakeTokens(argument: _stagecoach_v1_TakeTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_TakeTokensReply__Output>): grpc.ClientUnaryCall;
  TakeTokens(argument: _stagecoach_v1_TakeTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_TakeTokensReply__Output>): grpc.ClientUnaryCall;
  TakeTokens(argument: _stagecoach_v1_TakeTokensRequest, callback: grpc.requestCallback<_stagecoach_v1_TakeTokensReply__Output>): grpc.ClientUnaryCall;
  /**
   * Has the first stage take what the last one samples straight from there, so
   * that steps may be sent to it before the coordinator knows their tokens.
   */
  takeTokens(argument: _stagecoach_v1_TakeTokensRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_TakeTokensReply__Output>): grpc.ClientUnaryCall;
  takeTokens(argument: _stagecoach_v1_TakeTokensRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_TakeTokensReply__Output>): grpc.ClientUnaryCall;
  takeTokens(argument: _stagecoach_v1_TakeTokensRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_TakeTokensReply__Output>): grpc.ClientUnaryCall;
  takeTokens(argument: _stagecoach_v1_TakeTokensRequest, callback: grpc.requestCallback<_stagecoach_v1_TakeTokensReply__Output>): grpc.ClientUnaryCall;
  
}

/**
 * Stage is what a worker offers to the coordinator and to the stage before it.
 */
export interface StageHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Answers with as many bytes as asked for; the far end of MeasureLink.
   */
  Echo: grpc.handleUnaryCall<_stagecoach_v1_EchoRequest__Output, _stagecoach_v1_EchoReply>;
  
  /**
   * The way in for micro-batches: from the coordinator into the first stage,
   * from each stage into the next. One stream an epoch, frames in the
   * coordinator's order. The reply comes when the caller ends the stream.
   */
  Frames: grpc.handleClientStreamingCall<_stagecoach_v1_Frame__Output, _stagecoach_v1_FramesReply>;
  
  /**
   * Takes a layer range: fetches missing blobs, opens the graph, reserves KV.
   * Progress streams until a final message with ready set; loading again
   * replaces what was loaded before and starts a new epoch.
   */
  Load: grpc.handleServerStreamingCall<_stagecoach_v1_LoadRequest__Output, _stagecoach_v1_LoadProgress>;
  
  /**
   * Times this worker's hardware on the named model, for the planner.
   */
  Measure: grpc.handleUnaryCall<_stagecoach_v1_MeasureRequest__Output, _stagecoach_v1_MeasureReply>;
  
  /**
   * Times the link from this worker to another address.
   */
  MeasureLink: grpc.handleUnaryCall<_stagecoach_v1_MeasureLinkRequest__Output, _stagecoach_v1_MeasureLinkReply>;
  
  /**
   * Where frames may come in (from the coordinator or the stage before), or the
   * last stage's outputs go out, without gRPC: over a TCP connection of their
   * own that ends in the engine's thread.
   */
  OpenLink: grpc.handleUnaryCall<_stagecoach_v1_OpenLinkRequest__Output, _stagecoach_v1_OpenLinkReply>;
  
  /**
   * What a stage tells the coordinator: sampled tokens (last stage), failures.
   */
  Outputs: grpc.handleServerStreamingCall<_stagecoach_v1_OutputsRequest__Output, _stagecoach_v1_Output>;
  
  /**
   * Has the first stage take what the last one samples straight from there, so
   * that steps may be sent to it before the coordinator knows their tokens.
   */
  TakeTokens: grpc.handleUnaryCall<_stagecoach_v1_TakeTokensRequest__Output, _stagecoach_v1_TakeTokensReply>;
  
}

export interface StageDefinition extends grpc.ServiceDefinition {
  Echo: MethodDefinition<_stagecoach_v1_EchoRequest, _stagecoach_v1_EchoReply, _stagecoach_v1_EchoRequest__Output, _stagecoach_v1_EchoReply__Output>
  Frames: MethodDefinition<_stagecoach_v1_Frame, _stagecoach_v1_FramesReply, _stagecoach_v1_Frame__Output, _stagecoach_v1_FramesReply__Output>
  Load: MethodDefinition<_stagecoach_v1_LoadRequest, _stagecoach_v1_LoadProgress, _stagecoach_v1_LoadRequest__Output, _stagecoach_v1_LoadProgress__Output>
  Measure: MethodDefinition<_stagecoach_v1_MeasureRequest, _stagecoach_v1_MeasureReply, _stagecoach_v1_MeasureRequest__Output, _stagecoach_v1_MeasureReply__Output>
  MeasureLink: MethodDefinition<_stagecoach_v1_MeasureLinkRequest, _stagecoach_v1_MeasureLinkReply, _stagecoach_v1_MeasureLinkRequest__Output, _stagecoach_v1_MeasureLinkReply__Output>
  OpenLink: MethodDefinition<_stagecoach_v1_OpenLinkRequest, _stagecoach_v1_OpenLinkReply, _stagecoach_v1_OpenLinkRequest__Output, _stagecoach_v1_OpenLinkReply__Output>
  Outputs: MethodDefinition<_stagecoach_v1_OutputsRequest, _stagecoach_v1_Output, _stagecoach_v1_OutputsRequest__Output, _stagecoach_v1_Output__Output>
  TakeTokens: MethodDefinition<_stagecoach_v1_TakeTokensRequest, _stagecoach_v1_TakeTokensReply, _stagecoach_v1_TakeTokensRequest__Output, _stagecoach_v1_TakeTokensReply__Output>
}
