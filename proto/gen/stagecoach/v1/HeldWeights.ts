// Original file: proto/stagecoach/v1/stage.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Sizes of a model's blobs on a device.
 */
export interface HeldWeights {
  /**
   * f16, packed.
   */
  'name'?: (string);
  'embeddingBytes'?: (number | string | Long);
  /**
   * Of every layer.
   */
  'layerBytes'?: (number | string | Long)[];
  'headBytes'?: (number | string | Long);
  /**
   * The form is taken where KV of so many tokens fits beside it; the last one is
   * taken otherwise.
   */
  'kvTokens'?: (number | string | Long);
}

/**
 * Sizes of a model's blobs on a device.
 */
export interface HeldWeights__Output {
  /**
   * f16, packed.
   */
  'name': (string);
  'embeddingBytes': (number);
  /**
   * Of every layer.
   */
  'layerBytes': (number)[];
  'headBytes': (number);
  /**
   * The form is taken where KV of so many tokens fits beside it; the last one is
   * taken otherwise.
   */
  'kvTokens': (number);
}
