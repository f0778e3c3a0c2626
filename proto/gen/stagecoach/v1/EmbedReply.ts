// Original file: proto/stagecoach/v1/inference.proto

import type { Embedding as _stagecoach_v1_Embedding, Embedding__Output as _stagecoach_v1_Embedding__Output } from '../../stagecoach/v1/Embedding.js';

export interface EmbedReply {
  'embeddings'?: (_stagecoach_v1_Embedding)[];
}

export interface EmbedReply__Output {
  'embeddings': (_stagecoach_v1_Embedding__Output)[];
}
