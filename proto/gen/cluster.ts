import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { BlobChunk as _stagecoach_v1_BlobChunk, BlobChunk__Output as _stagecoach_v1_BlobChunk__Output } from './stagecoach/v1/BlobChunk.js';
import type { Close as _stagecoach_v1_Close, Close__Output as _stagecoach_v1_Close__Output } from './stagecoach/v1/Close.js';
import type { ClusterClient as _stagecoach_v1_ClusterClient, ClusterDefinition as _stagecoach_v1_ClusterDefinition } from './stagecoach/v1/Cluster.js';
import type { ClusterStatus as _stagecoach_v1_ClusterStatus, ClusterStatus__Output as _stagecoach_v1_ClusterStatus__Output } from './stagecoach/v1/ClusterStatus.js';
import type { CoordinatorMessage as _stagecoach_v1_CoordinatorMessage, CoordinatorMessage__Output as _stagecoach_v1_CoordinatorMessage__Output } from './stagecoach/v1/CoordinatorMessage.js';
import type { DecodeRate as _stagecoach_v1_DecodeRate, DecodeRate__Output as _stagecoach_v1_DecodeRate__Output } from './stagecoach/v1/DecodeRate.js';
import type { DrainReply as _stagecoach_v1_DrainReply, DrainReply__Output as _stagecoach_v1_DrainReply__Output } from './stagecoach/v1/DrainReply.js';
import type { DrainRequest as _stagecoach_v1_DrainRequest, DrainRequest__Output as _stagecoach_v1_DrainRequest__Output } from './stagecoach/v1/DrainRequest.js';
import type { EchoReply as _stagecoach_v1_EchoReply, EchoReply__Output as _stagecoach_v1_EchoReply__Output } from './stagecoach/v1/EchoReply.js';
import type { EchoRequest as _stagecoach_v1_EchoRequest, EchoRequest__Output as _stagecoach_v1_EchoRequest__Output } from './stagecoach/v1/EchoRequest.js';
import type { EventLoop as _stagecoach_v1_EventLoop, EventLoop__Output as _stagecoach_v1_EventLoop__Output } from './stagecoach/v1/EventLoop.js';
import type { Forward as _stagecoach_v1_Forward, Forward__Output as _stagecoach_v1_Forward__Output } from './stagecoach/v1/Forward.js';
import type { Frame as _stagecoach_v1_Frame, Frame__Output as _stagecoach_v1_Frame__Output } from './stagecoach/v1/Frame.js';
import type { FramesReply as _stagecoach_v1_FramesReply, FramesReply__Output as _stagecoach_v1_FramesReply__Output } from './stagecoach/v1/FramesReply.js';
import type { GetBlobRequest as _stagecoach_v1_GetBlobRequest, GetBlobRequest__Output as _stagecoach_v1_GetBlobRequest__Output } from './stagecoach/v1/GetBlobRequest.js';
import type { Heartbeat as _stagecoach_v1_Heartbeat, Heartbeat__Output as _stagecoach_v1_Heartbeat__Output } from './stagecoach/v1/Heartbeat.js';
import type { HeldWeights as _stagecoach_v1_HeldWeights, HeldWeights__Output as _stagecoach_v1_HeldWeights__Output } from './stagecoach/v1/HeldWeights.js';
import type { Hello as _stagecoach_v1_Hello, Hello__Output as _stagecoach_v1_Hello__Output } from './stagecoach/v1/Hello.js';
import type { LaneStatus as _stagecoach_v1_LaneStatus, LaneStatus__Output as _stagecoach_v1_LaneStatus__Output } from './stagecoach/v1/LaneStatus.js';
import type { Leave as _stagecoach_v1_Leave, Leave__Output as _stagecoach_v1_Leave__Output } from './stagecoach/v1/Leave.js';
import type { LinearTime as _stagecoach_v1_LinearTime, LinearTime__Output as _stagecoach_v1_LinearTime__Output } from './stagecoach/v1/LinearTime.js';
import type { LoadProgress as _stagecoach_v1_LoadProgress, LoadProgress__Output as _stagecoach_v1_LoadProgress__Output } from './stagecoach/v1/LoadProgress.js';
import type { LoadRequest as _stagecoach_v1_LoadRequest, LoadRequest__Output as _stagecoach_v1_LoadRequest__Output } from './stagecoach/v1/LoadRequest.js';
import type { LogitBias as _stagecoach_v1_LogitBias, LogitBias__Output as _stagecoach_v1_LogitBias__Output } from './stagecoach/v1/LogitBias.js';
import type { MeasureLinkReply as _stagecoach_v1_MeasureLinkReply, MeasureLinkReply__Output as _stagecoach_v1_MeasureLinkReply__Output } from './stagecoach/v1/MeasureLinkReply.js';
import type { MeasureLinkRequest as _stagecoach_v1_MeasureLinkRequest, MeasureLinkRequest__Output as _stagecoach_v1_MeasureLinkRequest__Output } from './stagecoach/v1/MeasureLinkRequest.js';
import type { MeasureReply as _stagecoach_v1_MeasureReply, MeasureReply__Output as _stagecoach_v1_MeasureReply__Output } from './stagecoach/v1/MeasureReply.js';
import type { MeasureRequest as _stagecoach_v1_MeasureRequest, MeasureRequest__Output as _stagecoach_v1_MeasureRequest__Output } from './stagecoach/v1/MeasureRequest.js';
import type { Open as _stagecoach_v1_Open, Open__Output as _stagecoach_v1_Open__Output } from './stagecoach/v1/Open.js';
import type { OpenLinkReply as _stagecoach_v1_OpenLinkReply, OpenLinkReply__Output as _stagecoach_v1_OpenLinkReply__Output } from './stagecoach/v1/OpenLinkReply.js';
import type { OpenLinkRequest as _stagecoach_v1_OpenLinkRequest, OpenLinkRequest__Output as _stagecoach_v1_OpenLinkRequest__Output } from './stagecoach/v1/OpenLinkRequest.js';
import type { Output as _stagecoach_v1_Output, Output__Output as _stagecoach_v1_Output__Output } from './stagecoach/v1/Output.js';
import type { OutputsRequest as _stagecoach_v1_OutputsRequest, OutputsRequest__Output as _stagecoach_v1_OutputsRequest__Output } from './stagecoach/v1/OutputsRequest.js';
import type { PlanReply as _stagecoach_v1_PlanReply, PlanReply__Output as _stagecoach_v1_PlanReply__Output } from './stagecoach/v1/PlanReply.js';
import type { PlanRequest as _stagecoach_v1_PlanRequest, PlanRequest__Output as _stagecoach_v1_PlanRequest__Output } from './stagecoach/v1/PlanRequest.js';
import type { ReplicaStatus as _stagecoach_v1_ReplicaStatus, ReplicaStatus__Output as _stagecoach_v1_ReplicaStatus__Output } from './stagecoach/v1/ReplicaStatus.js';
import type { Sampling as _stagecoach_v1_Sampling, Sampling__Output as _stagecoach_v1_Sampling__Output } from './stagecoach/v1/Sampling.js';
import type { SequenceOpen as _stagecoach_v1_SequenceOpen, SequenceOpen__Output as _stagecoach_v1_SequenceOpen__Output } from './stagecoach/v1/SequenceOpen.js';
import type { StageClient as _stagecoach_v1_StageClient, StageDefinition as _stagecoach_v1_StageDefinition } from './stagecoach/v1/Stage.js';
import type { StageFailure as _stagecoach_v1_StageFailure, StageFailure__Output as _stagecoach_v1_StageFailure__Output } from './stagecoach/v1/StageFailure.js';
import type { StageState as _stagecoach_v1_StageState, StageState__Output as _stagecoach_v1_StageState__Output } from './stagecoach/v1/StageState.js';
import type { StageTimes as _stagecoach_v1_StageTimes, StageTimes__Output as _stagecoach_v1_StageTimes__Output } from './stagecoach/v1/StageTimes.js';
import type { StatusRequest as _stagecoach_v1_StatusRequest, StatusRequest__Output as _stagecoach_v1_StatusRequest__Output } from './stagecoach/v1/StatusRequest.js';
import type { TakeTokensReply as _stagecoach_v1_TakeTokensReply, TakeTokensReply__Output as _stagecoach_v1_TakeTokensReply__Output } from './stagecoach/v1/TakeTokensReply.js';
import type { TakeTokensRequest as _stagecoach_v1_TakeTokensRequest, TakeTokensRequest__Output as _stagecoach_v1_TakeTokensRequest__Output } from './stagecoach/v1/TakeTokensRequest.js';
import type { Tensor as _stagecoach_v1_Tensor, Tensor__Output as _stagecoach_v1_Tensor__Output } from './stagecoach/v1/Tensor.js';
import type { TimedRows as _stagecoach_v1_TimedRows, TimedRows__Output as _stagecoach_v1_TimedRows__Output } from './stagecoach/v1/TimedRows.js';
import type { Tokens as _stagecoach_v1_Tokens, Tokens__Output as _stagecoach_v1_Tokens__Output } from './stagecoach/v1/Tokens.js';
import type { WatchRequest as _stagecoach_v1_WatchRequest, WatchRequest__Output as _stagecoach_v1_WatchRequest__Output } from './stagecoach/v1/WatchRequest.js';
import type { Welcome as _stagecoach_v1_Welcome, Welcome__Output as _stagecoach_v1_Welcome__Output } from './stagecoach/v1/Welcome.js';
import type { WorkerMessage as _stagecoach_v1_WorkerMessage, WorkerMessage__Output as _stagecoach_v1_WorkerMessage__Output } from './stagecoach/v1/WorkerMessage.js';
import type { WorkerStatus as _stagecoach_v1_WorkerStatus, WorkerStatus__Output as _stagecoach_v1_WorkerStatus__Output } from './stagecoach/v1/WorkerStatus.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  stagecoach: {
    v1: {
      BlobChunk: MessageTypeDefinition<_stagecoach_v1_BlobChunk, _stagecoach_v1_BlobChunk__Output>
      Close: MessageTypeDefinition<_stagecoach_v1_Close, _stagecoach_v1_Close__Output>
      /**
       * Cluster is what the coordinator offers to workers and operators.
       */
      Cluster: SubtypeConstructor<typeof grpc.Client, _stagecoach_v1_ClusterClient> & { service: _stagecoach_v1_ClusterDefinition }
      ClusterStatus: MessageTypeDefinition<_stagecoach_v1_ClusterStatus, _stagecoach_v1_ClusterStatus__Output>
      CoordinatorMessage: MessageTypeDefinition<_stagecoach_v1_CoordinatorMessage, _stagecoach_v1_CoordinatorMessage__Output>
      DataType: EnumTypeDefinition
      DecodeRate: MessageTypeDefinition<_stagecoach_v1_DecodeRate, _stagecoach_v1_DecodeRate__Output>
      DrainReply: MessageTypeDefinition<_stagecoach_v1_DrainReply, _stagecoach_v1_DrainReply__Output>
      DrainRequest: MessageTypeDefinition<_stagecoach_v1_DrainRequest, _stagecoach_v1_DrainRequest__Output>
      EchoReply: MessageTypeDefinition<_stagecoach_v1_EchoReply, _stagecoach_v1_EchoReply__Output>
      EchoRequest: MessageTypeDefinition<_stagecoach_v1_EchoRequest, _stagecoach_v1_EchoRequest__Output>
      EventLoop: MessageTypeDefinition<_stagecoach_v1_EventLoop, _stagecoach_v1_EventLoop__Output>
      Forward: MessageTypeDefinition<_stagecoach_v1_Forward, _stagecoach_v1_Forward__Output>
      Frame: MessageTypeDefinition<_stagecoach_v1_Frame, _stagecoach_v1_Frame__Output>
      FramesReply: MessageTypeDefinition<_stagecoach_v1_FramesReply, _stagecoach_v1_FramesReply__Output>
      GetBlobRequest: MessageTypeDefinition<_stagecoach_v1_GetBlobRequest, _stagecoach_v1_GetBlobRequest__Output>
      Heartbeat: MessageTypeDefinition<_stagecoach_v1_Heartbeat, _stagecoach_v1_Heartbeat__Output>
      HeldWeights: MessageTypeDefinition<_stagecoach_v1_HeldWeights, _stagecoach_v1_HeldWeights__Output>
      Hello: MessageTypeDefinition<_stagecoach_v1_Hello, _stagecoach_v1_Hello__Output>
      LaneStatus: MessageTypeDefinition<_stagecoach_v1_LaneStatus, _stagecoach_v1_LaneStatus__Output>
      Leave: MessageTypeDefinition<_stagecoach_v1_Leave, _stagecoach_v1_Leave__Output>
      LinearTime: MessageTypeDefinition<_stagecoach_v1_LinearTime, _stagecoach_v1_LinearTime__Output>
      LinkPurpose: EnumTypeDefinition
      LoadProgress: MessageTypeDefinition<_stagecoach_v1_LoadProgress, _stagecoach_v1_LoadProgress__Output>
      LoadRequest: MessageTypeDefinition<_stagecoach_v1_LoadRequest, _stagecoach_v1_LoadRequest__Output>
      LogitBias: MessageTypeDefinition<_stagecoach_v1_LogitBias, _stagecoach_v1_LogitBias__Output>
      MeasureLinkReply: MessageTypeDefinition<_stagecoach_v1_MeasureLinkReply, _stagecoach_v1_MeasureLinkReply__Output>
      MeasureLinkRequest: MessageTypeDefinition<_stagecoach_v1_MeasureLinkRequest, _stagecoach_v1_MeasureLinkRequest__Output>
      MeasureReply: MessageTypeDefinition<_stagecoach_v1_MeasureReply, _stagecoach_v1_MeasureReply__Output>
      MeasureRequest: MessageTypeDefinition<_stagecoach_v1_MeasureRequest, _stagecoach_v1_MeasureRequest__Output>
      Open: MessageTypeDefinition<_stagecoach_v1_Open, _stagecoach_v1_Open__Output>
      OpenLinkReply: MessageTypeDefinition<_stagecoach_v1_OpenLinkReply, _stagecoach_v1_OpenLinkReply__Output>
      OpenLinkRequest: MessageTypeDefinition<_stagecoach_v1_OpenLinkRequest, _stagecoach_v1_OpenLinkRequest__Output>
      Output: MessageTypeDefinition<_stagecoach_v1_Output, _stagecoach_v1_Output__Output>
      OutputsRequest: MessageTypeDefinition<_stagecoach_v1_OutputsRequest, _stagecoach_v1_OutputsRequest__Output>
      PlanReply: MessageTypeDefinition<_stagecoach_v1_PlanReply, _stagecoach_v1_PlanReply__Output>
      PlanRequest: MessageTypeDefinition<_stagecoach_v1_PlanRequest, _stagecoach_v1_PlanRequest__Output>
      ReplicaStatus: MessageTypeDefinition<_stagecoach_v1_ReplicaStatus, _stagecoach_v1_ReplicaStatus__Output>
      Sampling: MessageTypeDefinition<_stagecoach_v1_Sampling, _stagecoach_v1_Sampling__Output>
      SequenceOpen: MessageTypeDefinition<_stagecoach_v1_SequenceOpen, _stagecoach_v1_SequenceOpen__Output>
      /**
       * Stage is what a worker offers to the coordinator and to the stage before it.
       */
      Stage: SubtypeConstructor<typeof grpc.Client, _stagecoach_v1_StageClient> & { service: _stagecoach_v1_StageDefinition }
      StageFailure: MessageTypeDefinition<_stagecoach_v1_StageFailure, _stagecoach_v1_StageFailure__Output>
      StageState: MessageTypeDefinition<_stagecoach_v1_StageState, _stagecoach_v1_StageState__Output>
      StageTimes: MessageTypeDefinition<_stagecoach_v1_StageTimes, _stagecoach_v1_StageTimes__Output>
      StatusRequest: MessageTypeDefinition<_stagecoach_v1_StatusRequest, _stagecoach_v1_StatusRequest__Output>
      TakeTokensReply: MessageTypeDefinition<_stagecoach_v1_TakeTokensReply, _stagecoach_v1_TakeTokensReply__Output>
      TakeTokensRequest: MessageTypeDefinition<_stagecoach_v1_TakeTokensRequest, _stagecoach_v1_TakeTokensRequest__Output>
      Tensor: MessageTypeDefinition<_stagecoach_v1_Tensor, _stagecoach_v1_Tensor__Output>
      TimedRows: MessageTypeDefinition<_stagecoach_v1_TimedRows, _stagecoach_v1_TimedRows__Output>
      Tokens: MessageTypeDefinition<_stagecoach_v1_Tokens, _stagecoach_v1_Tokens__Output>
      WatchRequest: MessageTypeDefinition<_stagecoach_v1_WatchRequest, _stagecoach_v1_WatchRequest__Output>
      Welcome: MessageTypeDefinition<_stagecoach_v1_Welcome, _stagecoach_v1_Welcome__Output>
      WorkerMessage: MessageTypeDefinition<_stagecoach_v1_WorkerMessage, _stagecoach_v1_WorkerMessage__Output>
      WorkerStatus: MessageTypeDefinition<_stagecoach_v1_WorkerStatus, _stagecoach_v1_WorkerStatus__Output>
    }
  }
}

