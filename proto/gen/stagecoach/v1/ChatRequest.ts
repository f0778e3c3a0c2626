// Original file: proto/stagecoach/v1/inference.proto

import type { ChatMessage as _stagecoach_v1_ChatMessage, ChatMessage__Output as _stagecoach_v1_ChatMessage__Output } from '../../stagecoach/v1/ChatMessage.js';
import type { SamplingOptions as _stagecoach_v1_SamplingOptions, SamplingOptions__Output as _stagecoach_v1_SamplingOptions__Output } from '../../stagecoach/v1/SamplingOptions.js';

export interface ChatRequest {
  'model'?: (string);
  'messages'?: (_stagecoach_v1_ChatMessage)[];
  'options'?: (_stagecoach_v1_SamplingOptions | null);
  /**
   * As in GenerateRequest.
   */
  'priority'?: (number);
  'user'?: (string);
}

export interface ChatRequest__Output {
  'model': (string);
  'messages': (_stagecoach_v1_ChatMessage__Output)[];
  'options': (_stagecoach_v1_SamplingOptions__Output | null);
  /**
   * As in GenerateRequest.
   */
  'priority': (number);
  'user': (string);
}
