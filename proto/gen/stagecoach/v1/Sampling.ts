// Original file: proto/stagecoach/v1/stage.proto

import type { LogitBias as _stagecoach_v1_LogitBias, LogitBias__Output as _stagecoach_v1_LogitBias__Output } from '../../stagecoach/v1/LogitBias.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Sampling at the last stage. Every field is set by the coordinator.
 */
export interface Sampling {
  /**
   * 0 is greedy.
   */
  'temperature'?: (number | string);
  /**
   * 0 is off.
   */
  'topK'?: (number);
  /**
   * 1 is off.
   */
  'topP'?: (number | string);
  /**
   * 0 is off.
   */
  'minP'?: (number | string);
  /**
   * 1 is off.
   */
  'repetitionPenalty'?: (number | string);
  'presencePenalty'?: (number | string);
  'frequencyPenalty'?: (number | string);
  'logitBias'?: (_stagecoach_v1_LogitBias)[];
  /**
   * The random number for a token is a function of the seed and its position.
   */
  'seed'?: (number | string | Long);
  /**
   * Tokens never sampled while fewer than suppressed_until_length tokens are
   * generated: the ends of a request with min_tokens.
   */
  'suppressedTokenIds'?: (number)[];
  'suppressedUntilLength'?: (number);
  /**
   * How many alternatives to report a token; log-probabilities are reported
   * when want_logprobs is set.
   */
  'topLogprobs'?: (number);
  'wantLogprobs'?: (boolean);
}

/**
 * Sampling at the last stage. Every field is set by the coordinator.
 */
export interface Sampling__Output {
  /**
   * 0 is greedy.
   */
  'temperature': (number);
  /**
   * 0 is off.
   */
  'topK': (number);
  /**
   * 1 is off.
   */
  'topP': (number);
  /**
   * 0 is off.
   */
  'minP': (number);
  /**
   * 1 is off.
   */
  'repetitionPenalty': (number);
  'presencePenalty': (number);
  'frequencyPenalty': (number);
  'logitBias': (_stagecoach_v1_LogitBias__Output)[];
  /**
   * The random number for a token is a function of the seed and its position.
   */
  'seed': (number);
  /**
   * Tokens never sampled while fewer than suppressed_until_length tokens are
   * generated: the ends of a request with min_tokens.
   */
  'suppressedTokenIds': (number)[];
  'suppressedUntilLength': (number);
  /**
   * How many alternatives to report a token; log-probabilities are reported
   * when want_logprobs is set.
   */
  'topLogprobs': (number);
  'wantLogprobs': (boolean);
}
