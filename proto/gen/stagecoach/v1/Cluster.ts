// Original file: proto/stagecoach/v1/cluster.proto

import type * as grpc from '@grpc/grpc-js'
import type { MethodDefinition } from '@grpc/proto-loader'
import type { BlobChunk as _stagecoach_v1_BlobChunk, BlobChunk__Output as _stagecoach_v1_BlobChunk__Output } from '../../stagecoach/v1/BlobChunk.js';
import type { ClusterStatus as _stagecoach_v1_ClusterStatus, ClusterStatus__Output as _stagecoach_v1_ClusterStatus__Output } from '../../stagecoach/v1/ClusterStatus.js';
import type { CoordinatorMessage as _stagecoach_v1_CoordinatorMessage, CoordinatorMessage__Output as _stagecoach_v1_CoordinatorMessage__Output } from '../../stagecoach/v1/CoordinatorMessage.js';
import type { DrainReply as _stagecoach_v1_DrainReply, DrainReply__Output as _stagecoach_v1_DrainReply__Output } from '../../stagecoach/v1/DrainReply.js';
import type { DrainRequest as _stagecoach_v1_DrainRequest, DrainRequest__Output as _stagecoach_v1_DrainRequest__Output } from '../../stagecoach/v1/DrainRequest.js';
import type { GetBlobRequest as _stagecoach_v1_GetBlobRequest, GetBlobRequest__Output as _stagecoach_v1_GetBlobRequest__Output } from '../../stagecoach/v1/GetBlobRequest.js';
import type { PlanReply as _stagecoach_v1_PlanReply, PlanReply__Output as _stagecoach_v1_PlanReply__Output } from '../../stagecoach/v1/PlanReply.js';
import type { PlanRequest as _stagecoach_v1_PlanRequest, PlanRequest__Output as _stagecoach_v1_PlanRequest__Output } from '../../stagecoach/v1/PlanRequest.js';
import type { StatusRequest as _stagecoach_v1_StatusRequest, StatusRequest__Output as _stagecoach_v1_StatusRequest__Output } from '../../stagecoach/v1/StatusRequest.js';
import type { WatchRequest as _stagecoach_v1_WatchRequest, WatchRequest__Output as _stagecoach_v1_WatchRequest__Output } from '../../stagecoach/v1/WatchRequest.js';
import type { WorkerMessage as _stagecoach_v1_WorkerMessage, WorkerMessage__Output as _stagecoach_v1_WorkerMessage__Output } from '../../stagecoach/v1/WorkerMessage.js';

/**
 * Cluster is what the coordinator offers to workers and operators.
 */
export interface ClusterClient extends grpc.Client {
  /**
   * Moves a worker's layers away so that it can be taken down.
   */
  Drain(argument: _stagecoach_v1_DrainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_DrainReply__Output>): grpc.ClientUnaryCall;
  Drain(argument: _stagecoach_v1_DrainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_DrainReply__Output>): grpc.ClientUnaryCall;
  Drain(argument: _stagecoach_v1_DrainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_DrainReply__Output>): grpc.ClientUnaryCall;
  Drain(argument: _stagecoach_v1_DrainRequest, callback: grpc.requestCallback<_stagecoach_v1_DrainReply__Output>): grpc.ClientUnaryCall;
  /**
   * Moves a worker's layers away so that it can be taken down.
   */
  drain(argument: _stagecoach_v1_DrainRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_DrainReply__Output>): grpc.ClientUnaryCall;
  drain(argument: _stagecoach_v1_DrainRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_DrainReply__Output>): grpc.ClientUnaryCall;
  drain(argument: _stagecoach_v1_DrainRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_DrainReply__Output>): grpc.ClientUnaryCall;
  drain(argument: _stagecoach_v1_DrainRequest, callback: grpc.requestCallback<_stagecoach_v1_DrainReply__Output>): grpc.ClientUnaryCall;
  
  /**
   * One content-addressed blob, from an offset on, in chunks.
   */
  GetBlob(argument: _stagecoach_v1_GetBlobRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_BlobChunk__Output>;
  GetBlob(argument: _stagecoach_v1_GetBlobRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_BlobChunk__Output>;
  /**
   * One content-addressed blob, from an offset on, in chunks.
   */
  getBlob(argument: _stagecoach_v1_GetBlobRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_BlobChunk__Output>;
  getBlob(argument: _stagecoach_v1_GetBlobRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_BlobChunk__Output>;
  
  /**
   * A worker's membership: it says who it is, then sends a heartbeat at the
   * interval it is told. The stream's end is the worker's leaving.
   */
  Join(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_stagecoach_v1_WorkerMessage, _stagecoach_v1_CoordinatorMessage__Output>;
  Join(options?: grpc.CallOptions): grpc.ClientDuplexStream<_stagecoach_v1_WorkerMessage, _stagecoach_v1_CoordinatorMessage__Output>;
  /**
   * A worker's membership: it says who it is, then sends a heartbeat at the
   * interval it is told. The stream's end is the worker's leaving.
   */
  join(metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientDuplexStream<_stagecoach_v1_WorkerMessage, _stagecoach_v1_CoordinatorMessage__Output>;
  join(options?: grpc.CallOptions): grpc.ClientDuplexStream<_stagecoach_v1_WorkerMessage, _stagecoach_v1_CoordinatorMessage__Output>;
  
  /**
   * The running plan, or what the plan would be with other limits.
   */
  Plan(argument: _stagecoach_v1_PlanRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_PlanReply__Output>): grpc.ClientUnaryCall;
  Plan(argument: _stagecoach_v1_PlanRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_PlanReply__Output>): grpc.ClientUnaryCall;
  Plan(argument: _stagecoach_v1_PlanRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_PlanReply__Output>): grpc.ClientUnaryCall;
  Plan(argument: _stagecoach_v1_PlanRequest, callback: grpc.requestCallback<_stagecoach_v1_PlanReply__Output>): grpc.ClientUnaryCall;
  /**
   * The running plan, or what the plan would be with other limits.
   */
  plan(argument: _stagecoach_v1_PlanRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_PlanReply__Output>): grpc.ClientUnaryCall;
  plan(argument: _stagecoach_v1_PlanRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_PlanReply__Output>): grpc.ClientUnaryCall;
  plan(argument: _stagecoach_v1_PlanRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_PlanReply__Output>): grpc.ClientUnaryCall;
  plan(argument: _stagecoach_v1_PlanRequest, callback: grpc.requestCallback<_stagecoach_v1_PlanReply__Output>): grpc.ClientUnaryCall;
  
  Status(argument: _stagecoach_v1_StatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  Status(argument: _stagecoach_v1_StatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  Status(argument: _stagecoach_v1_StatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  Status(argument: _stagecoach_v1_StatusRequest, callback: grpc.requestCallback<_stagecoach_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  status(argument: _stagecoach_v1_StatusRequest, metadata: grpc.Metadata, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  status(argument: _stagecoach_v1_StatusRequest, metadata: grpc.Metadata, callback: grpc.requestCallback<_stagecoach_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  status(argument: _stagecoach_v1_StatusRequest, options: grpc.CallOptions, callback: grpc.requestCallback<_stagecoach_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  status(argument: _stagecoach_v1_StatusRequest, callback: grpc.requestCallback<_stagecoach_v1_ClusterStatus__Output>): grpc.ClientUnaryCall;
  
  /**
   * Status now and at every change, at least once a second.
   */
  Watch(argument: _stagecoach_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_ClusterStatus__Output>;
  Watch(argument: _stagecoach_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_ClusterStatus__Output>;
  /**
   * Status now and at every change, at least once a second.
   */
  watch(argument: _stagecoach_v1_WatchRequest, metadata: grpc.Metadata, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_ClusterStatus__Output>;
  watch(argument: _stagecoach_v1_WatchRequest, options?: grpc.CallOptions): grpc.ClientReadableStream<_stagecoach_v1_ClusterStatus__Output>;
  
}

/**
 * Cluster is what the coordinator offers to workers and operators.
 */
export interface ClusterHandlers extends grpc.UntypedServiceImplementation {
  /**
   * Moves a worker's layers away so that it can be taken down.
   */
  Drain: grpc.handleUnaryCall<_stagecoach_v1_DrainRequest__Output, _stagecoach_v1_DrainReply>;
  
  /**
   * One content-addressed blob, from an offset on, in chunks.
   */
  GetBlob: grpc.handleServerStreamingCall<_stagecoach_v1_GetBlobRequest__Output, _stagecoach_v1_BlobChunk>;
  
  /**
   * A worker's membership: it says who it is, then sends a heartbeat at the
   * interval it is told. The stream's end is the worker's leaving.
   */
  Join: grpc.handleBidiStreamingCall<_stagecoach_v1_WorkerMessage__Output, _stagecoach_v1_CoordinatorMessage>;
  
  /**
   * The running plan, or what the plan would be with other limits.
   */
  Plan: grpc.handleUnaryCall<_stagecoach_v1_PlanRequest__Output, _stagecoach_v1_PlanReply>;
  
  Status: grpc.handleUnaryCall<_stagecoach_v1_StatusRequest__Output, _stagecoach_v1_ClusterStatus>;
  
  /**
   * Status now and at every change, at least once a second.
   */
  Watch: grpc.handleServerStreamingCall<_stagecoach_v1_WatchRequest__Output, _stagecoach_v1_ClusterStatus>;
  
}

export interface ClusterDefinition extends grpc.ServiceDefinition {
  Drain: MethodDefinition<_stagecoach_v1_DrainRequest, _stagecoach_v1_DrainReply, _stagecoach_v1_DrainRequest__Output, _stagecoach_v1_DrainReply__Output>
  GetBlob: MethodDefinition<_stagecoach_v1_GetBlobRequest, _stagecoach_v1_BlobChunk, _stagecoach_v1_GetBlobRequest__Output, _stagecoach_v1_BlobChunk__Output>
  Join: MethodDefinition<_stagecoach_v1_WorkerMessage, _stagecoach_v1_CoordinatorMessage, _stagecoach_v1_WorkerMessage__Output, _stagecoach_v1_CoordinatorMessage__Output>
  Plan: MethodDefinition<_stagecoach_v1_PlanRequest, _stagecoach_v1_PlanReply, _stagecoach_v1_PlanRequest__Output, _stagecoach_v1_PlanReply__Output>
  Status: MethodDefinition<_stagecoach_v1_StatusRequest, _stagecoach_v1_ClusterStatus, _stagecoach_v1_StatusRequest__Output, _stagecoach_v1_ClusterStatus__Output>
  Watch: MethodDefinition<_stagecoach_v1_WatchRequest, _stagecoach_v1_ClusterStatus, _stagecoach_v1_WatchRequest__Output, _stagecoach_v1_ClusterStatus__Output>
}
