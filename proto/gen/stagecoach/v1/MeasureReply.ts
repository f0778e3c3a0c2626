// Original file: proto/stagecoach/v1/stage.proto

import type { LinearTime as _stagecoach_v1_LinearTime, LinearTime__Output as _stagecoach_v1_LinearTime__Output } from '../../stagecoach/v1/LinearTime.js';
import type { HeldWeights as _stagecoach_v1_HeldWeights, HeldWeights__Output as _stagecoach_v1_HeldWeights__Output } from '../../stagecoach/v1/HeldWeights.js';
import type { Long } from '@grpc/proto-loader';

export interface MeasureReply {
  /**
   * One decoder layer, rows = decoding sequences of moderate context.
   */
  'layerDecode'?: (_stagecoach_v1_LinearTime | null);
  /**
   * One decoder layer, rows = tokens of a prefill chunk.
   */
  'layerPrefill'?: (_stagecoach_v1_LinearTime | null);
  'embedding'?: (_stagecoach_v1_LinearTime | null);
  /**
   * Final norm, head and sampler; rows = sampled sequences.
   */
  'head'?: (_stagecoach_v1_LinearTime | null);
  'freeMemoryBytes'?: (number | string | Long);
  /**
   * What a micro-batch costs a stage beside its layers, embedding and head. What
   * grows with the rows is for hidden states in and out, half for either.
   */
  'stage'?: (_stagecoach_v1_LinearTime | null);
  /**
   * What one more token of context adds to a decoding row in one layer.
   */
  'attentionMsPerToken'?: (number | string);
  /**
   * Context of the sequences that layer_decode was measured with.
   */
  'contextTokens'?: (number);
  /**
   * The same took another time again: the machine was busy with something else.
   */
  'unsteady'?: (boolean);
  /**
   * Tokens of a KV block that the device wants for this model, a power of two;
   * 0 takes any.
   */
  'blockSize'?: (number);
  /**
   * What KV of a token takes in one layer on the device; 0 where nothing is kept.
   */
  'kvBytesPerTokenLayer'?: (number | string | Long);
  /**
   * Forms in which the device may hold the weights, the best first; empty where
   * it takes blobs as they are.
   */
  'weights'?: (_stagecoach_v1_HeldWeights)[];
}

export interface MeasureReply__Output {
  /**
   * One decoder layer, rows = decoding sequences of moderate context.
   */
  'layerDecode': (_stagecoach_v1_LinearTime__Output | null);
  /**
   * One decoder layer, rows = tokens of a prefill chunk.
   */
  'layerPrefill': (_stagecoach_v1_LinearTime__Output | null);
  'embedding': (_stagecoach_v1_LinearTime__Output | null);
  /**
   * Final norm, head and sampler; rows = sampled sequences.
   */
  'head': (_stagecoach_v1_LinearTime__Output | null);
  'freeMemoryBytes': (number);
  /**
   * What a micro-batch costs a stage beside its layers, embedding and head. What
   * grows with the rows is for hidden states in and out, half for either.
   */
  'stage': (_stagecoach_v1_LinearTime__Output | null);
  /**
   * What one more token of context adds to a decoding row in one layer.
   */
  'attentionMsPerToken': (number);
  /**
   * Context of the sequences that layer_decode was measured with.
   */
  'contextTokens': (number);
  /**
   * The same took another time again: the machine was busy with something else.
   */
  'unsteady': (boolean);
  /**
   * Tokens of a KV block that the device wants for this model, a power of two;
   * 0 takes any.
   */
  'blockSize': (number);
  /**
   * What KV of a token takes in one layer on the device; 0 where nothing is kept.
   */
  'kvBytesPerTokenLayer': (number);
  /**
   * Forms in which the device may hold the weights, the best first; empty where
   * it takes blobs as they are.
   */
  'weights': (_stagecoach_v1_HeldWeights__Output)[];
}
