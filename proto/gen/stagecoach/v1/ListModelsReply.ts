// Original file: proto/stagecoach/v1/inference.proto

import type { ModelInfo as _stagecoach_v1_ModelInfo, ModelInfo__Output as _stagecoach_v1_ModelInfo__Output } from '../../stagecoach/v1/ModelInfo.js';

export interface ListModelsReply {
  'models'?: (_stagecoach_v1_ModelInfo)[];
}

export interface ListModelsReply__Output {
  'models': (_stagecoach_v1_ModelInfo__Output)[];
}
