// Original file: proto/stagecoach/v1/inference.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Fields left out take the model's own defaults, then the server's.
 */
export interface SamplingOptions {
  'temperature'?: (number | string);
  'topK'?: (number);
  'topP'?: (number | string);
  'minP'?: (number | string);
  'repetitionPenalty'?: (number | string);
  'presencePenalty'?: (number | string);
  'frequencyPenalty'?: (number | string);
  'logitBias'?: ({[key: number]: number | string});
  'seed'?: (number | string | Long);
  /**
   * Text that ends generation and is not part of the output.
   */
  'stop'?: (string)[];
  'stopTokenIds'?: (number)[];
  'maxTokens'?: (number);
  'minTokens'?: (number);
  'ignoreEos'?: (boolean);
  /**
   * Absent: no log-probabilities. 0: those of the chosen tokens. Up to 20.
   */
  'logprobs'?: (number);
  '_temperature'?: "temperature";
  '_topK'?: "topK";
  '_topP'?: "topP";
  '_minP'?: "minP";
  '_repetitionPenalty'?: "repetitionPenalty";
  '_presencePenalty'?: "presencePenalty";
  '_frequencyPenalty'?: "frequencyPenalty";
  '_seed'?: "seed";
  '_maxTokens'?: "maxTokens";
  '_minTokens'?: "minTokens";
  '_logprobs'?: "logprobs";
}

/**
 * Fields left out take the model's own defaults, then the server's.
 */
export interface SamplingOptions__Output {
  'temperature'?: (number);
  'topK'?: (number);
  'topP'?: (number);
  'minP'?: (number);
  'repetitionPenalty'?: (number);
  'presencePenalty'?: (number);
  'frequencyPenalty'?: (number);
  'logitBias': ({[key: number]: number});
  'seed'?: (number);
  /**
   * Text that ends generation and is not part of the output.
   */
  'stop': (string)[];
  'stopTokenIds': (number)[];
  'maxTokens'?: (number);
  'minTokens'?: (number);
  'ignoreEos': (boolean);
  /**
   * Absent: no log-probabilities. 0: those of the chosen tokens. Up to 20.
   */
  'logprobs'?: (number);
  '_temperature'?: "temperature";
  '_topK'?: "topK";
  '_topP'?: "topP";
  '_minP'?: "minP";
  '_repetitionPenalty'?: "repetitionPenalty";
  '_presencePenalty'?: "presencePenalty";
  '_frequencyPenalty'?: "frequencyPenalty";
  '_seed'?: "seed";
  '_maxTokens'?: "maxTokens";
  '_minTokens'?: "minTokens";
  '_logprobs'?: "logprobs";
}
