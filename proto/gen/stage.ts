import type * as grpc from '@grpc/grpc-js';
import type { EnumTypeDefinition, MessageTypeDefinition } from '@grpc/proto-loader';

import type { Close as _stagecoach_v1_Close, Close__Output as _stagecoach_v1_Close__Output } from './stagecoach/v1/Close.js';
import type { EchoReply as _stagecoach_v1_EchoReply, EchoReply__Output as _stagecoach_v1_EchoReply__Output } from './stagecoach/v1/EchoReply.js';
import type { EchoRequest as _stagecoach_v1_EchoRequest, EchoRequest__Output as _stagecoach_v1_EchoRequest__Output } from './stagecoach/v1/EchoRequest.js';
import type { Forward as _stagecoach_v1_Forward, Forward__Output as _stagecoach_v1_Forward__Output } from './stagecoach/v1/Forward.js';
import type { Frame as _stagecoach_v1_Frame, Frame__Output as _stagecoach_v1_Frame__Output } from './stagecoach/v1/Frame.js';
import type { FramesReply as _stagecoach_v1_FramesReply, FramesReply__Output as _stagecoach_v1_FramesReply__Output } from './stagecoach/v1/FramesReply.js';
import type { HeldWeights as _stagecoach_v1_HeldWeights, HeldWeights__Output as _stagecoach_v1_HeldWeights__Output } from './stagecoach/v1/HeldWeights.js';
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
import type { Sampling as _stagecoach_v1_Sampling, Sampling__Output as _stagecoach_v1_Sampling__Output } from './stagecoach/v1/Sampling.js';
import type { SequenceOpen as _stagecoach_v1_SequenceOpen, SequenceOpen__Output as _stagecoach_v1_SequenceOpen__Output } from './stagecoach/v1/SequenceOpen.js';
import type { StageClient as _stagecoach_v1_StageClient, StageDefinition as _stagecoach_v1_StageDefinition } from './stagecoach/v1/Stage.js';
import type { StageFailure as _stagecoach_v1_StageFailure, StageFailure__Output as _stagecoach_v1_StageFailure__Output } from './stagecoach/v1/StageFailure.js';
import type { StageTimes as _stagecoach_v1_StageTimes, StageTimes__Output as _stagecoach_v1_StageTimes__Output } from './stagecoach/v1/StageTimes.js';
import type { TakeTokensReply as _stagecoach_v1_TakeTokensReply, TakeTokensReply__Output as _stagecoach_v1_TakeTokensReply__Output } from './stagecoach/v1/TakeTokensReply.js';
import type { TakeTokensRequest as _stagecoach_v1_TakeTokensRequest, TakeTokensRequest__Output as _stagecoach_v1_TakeTokensRequest__Output } from './stagecoach/v1/TakeTokensRequest.js';
import type { Tensor as _stagecoach_v1_Tensor, Tensor__Output as _stagecoach_v1_Tensor__Output } from './stagecoach/v1/Tensor.js';
import type { TimedRows as _stagecoach_v1_TimedRows, TimedRows__Output as _stagecoach_v1_TimedRows__Output } from './stagecoach/v1/TimedRows.js';
import type { Tokens as _stagecoach_v1_Tokens, Tokens__Output as _stagecoach_v1_Tokens__Output } from './stagecoach/v1/Tokens.js';

type SubtypeConstructor<Constructor extends new (...args: any) => any, Subtype> = {
  new(...args: ConstructorParameters<Constructor>): Subtype;
};

export interface ProtoGrpcType {
  stagecoach: {
    v1: {
      Close: MessageTypeDefinition<_stagecoach_v1_Close, _stagecoach_v1_Close__Output>
      DataType: EnumTypeDefinition
      EchoReply: MessageTypeDefinition<_stagecoach_v1_EchoReply, _stagecoach_v1_EchoReply__Output>
      EchoRequest: MessageTypeDefinition<_stagecoach_v1_EchoRequest, _stagecoach_v1_EchoRequest__Output>
      Forward: MessageTypeDefinition<_stagecoach_v1_Forward, _stagecoach_v1_Forward__Output>
      Frame: MessageTypeDefinition<_stagecoach_v1_Frame, _stagecoach_v1_Frame__Output>
      FramesReply: MessageTypeDefinition<_stagecoach_v1_FramesReply, _stagecoach_v1_FramesReply__Output>
      HeldWeights: MessageTypeDefinition<_stagecoach_v1_HeldWeights, _stagecoach_v1_HeldWeights__Output>
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
      Sampling: MessageTypeDefinition<_stagecoach_v1_Sampling, _stagecoach_v1_Sampling__Output>
      SequenceOpen: MessageTypeDefinition<_stagecoach_v1_SequenceOpen, _stagecoach_v1_SequenceOpen__Output>
      /**
       * Stage is what a worker offers to the coordinator and to the stage before it.
       */
      Stage: SubtypeConstructor<typeof grpc.Client, _stagecoach_v1_StageClient> & { service: _stagecoach_v1_StageDefinition }
      StageFailure: MessageTypeDefinition<_stagecoach_v1_StageFailure, _stagecoach_v1_StageFailure__Output>
      StageTimes: MessageTypeDefinition<_stagecoach_v1_StageTimes, _stagecoach_v1_StageTimes__Output>
      TakeTokensReply: MessageTypeDefinition<_stagecoach_v1_TakeTokensReply, _stagecoach_v1_TakeTokensReply__Output>
      TakeTokensRequest: MessageTypeDefinition<_stagecoach_v1_TakeTokensRequest, _stagecoach_v1_TakeTokensRequest__Output>
      Tensor: MessageTypeDefinition<_stagecoach_v1_Tensor, _stagecoach_v1_Tensor__Output>
      TimedRows: MessageTypeDefinition<_stagecoach_v1_TimedRows, _stagecoach_v1_TimedRows__Output>
      Tokens: MessageTypeDefinition<_stagecoach_v1_Tokens, _stagecoach_v1_Tokens__Output>
    }
  }
}

