// Original file: proto/stagecoach/v1/stage.proto

import type { DataType as _stagecoach_v1_DataType, DataType__Output as _stagecoach_v1_DataType__Output } from '../../stagecoach/v1/DataType.js';

export interface MeasureRequest {
  'manifestJson'?: (Buffer | Uint8Array | string);
  'blobAddress'?: (string);
  'threads'?: (number);
  /**
   * Sequences that may decode at once: GPUs are timed up to so many. 0 means 16.
   */
  'maxSequences'?: (number);
  /**
   * Tokens of a micro-batch: GPUs are timed up to so many. 0 means 512.
   */
  'maxBatchTokens'?: (number);
  /**
   * How hidden states will come in and go out; unspecified means FLOAT32.
   */
  'activationDtype'?: (_stagecoach_v1_DataType);
  /**
   * Longest sequence in tokens, and stages that will share the model, for devices
   * that choose the form of their weights by them; 0 where it is not known.
   */
  'maxContext'?: (number);
  'stages'?: (number);
}

export interface MeasureRequest__Output {
  'manifestJson': (Buffer);
  'blobAddress': (string);
  'threads': (number);
  /**
   * Sequences that may decode at once: GPUs are timed up to so many. 0 means 16.
   */
  'maxSequences': (number);
  /**
   * Tokens of a micro-batch: GPUs are timed up to so many. 0 means 512.
   */
  'maxBatchTokens': (number);
  /**
   * How hidden states will come in and go out; unspecified means FLOAT32.
   */
  'activationDtype': (_stagecoach_v1_DataType__Output);
  /**
   * Longest sequence in tokens, and stages that will share the model, for devices
   * that choose the form of their weights by them; 0 where it is not known.
   */
  'maxContext': (number);
  'stages': (number);
}
