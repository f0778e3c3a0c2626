// Original file: proto/stagecoach/v1/stage.proto

import type { Long } from '@grpc/proto-loader';

/**
 * Memory that weights take on a device, which may compute with other floats
 * than the blobs hold.
 */
export interface HeldWeights {
  /**
   * Of a layer, by the size of its blob.
   */
  'layerScale'?: (number | string);
  /**
   * What the first stage has for the embedding, the last one for the head (a
   * shared table included), and a stage that is both for both.
   */
  'firstBytes'?: (number | string | Long);
  'lastBytes'?: (number | string | Long);
  'bothBytes'?: (number | string | Long);
}

/**
 * Memory that weights take on a device, which may compute with other floats
 * than the blobs hold.
 */
export interface HeldWeights__Output {
  /**
   * Of a layer, by the size of its blob.
   */
  'layerScale': (number);
  /**
   * What the first stage has for the embedding, the last one for the head (a
   * shared table included), and a stage that is both for both.
   */
  'firstBytes': (number);
  'lastBytes': (number);
  'bothBytes': (number);
}
