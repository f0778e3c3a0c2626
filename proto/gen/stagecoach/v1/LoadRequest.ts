// Original file: proto/stagecoach/v1/stage.proto

import type { DataType as _stagecoach_v1_DataType, DataType__Output as _stagecoach_v1_DataType__Output } from '../../stagecoach/v1/DataType.js';
import type { Long } from '@grpc/proto-loader';

export interface LoadRequest {
  'epoch'?: (number | string | Long);
  /**
   * The manifest as stored in the model store, UTF-8 JSON.
   */
  'manifestJson'?: (Buffer | Uint8Array | string);
  'stageIndex'?: (number);
  'stageCount'?: (number);
  /**
   * Layers [first_layer, end_layer).
   */
  'firstLayer'?: (number);
  'endLayer'?: (number);
  /**
   * host:port of the next stage's Stage service; empty for the last stage.
   */
  'nextAddress'?: (string);
  /**
   * host:port of a Cluster service that has the blobs.
   */
  'blobAddress'?: (string);
  /**
   * Tokens a KV block.
   */
  'blockSize'?: (number);
  /**
   * KV blocks to hold; 0 asks the worker for as many as fit its memory.
   */
  'blockCount'?: (number);
  'maxSequences'?: (number);
  'laneCount'?: (number);
  /**
   * Longest sequence in tokens, prompt and output together.
   */
  'maxContext'?: (number);
  /**
   * Intra-op threads of the engine; 0 keeps the worker's own setting.
   */
  'threads'?: (number);
  /**
   * How hidden states travel to the next stage.
   */
  'activationDtype'?: (_stagecoach_v1_DataType);
  /**
   * Tokens of the largest micro-batch; 0 means 512.
   */
  'maxBatchTokens'?: (number);
}

export interface LoadRequest__Output {
  'epoch': (number);
  /**
   * The manifest as stored in the model store, UTF-8 JSON.
   */
  'manifestJson': (Buffer);
  'stageIndex': (number);
  'stageCount': (number);
  /**
   * Layers [first_layer, end_layer).
   */
  'firstLayer': (number);
  'endLayer': (number);
  /**
   * host:port of the next stage's Stage service; empty for the last stage.
   */
  'nextAddress': (string);
  /**
   * host:port of a Cluster service that has the blobs.
   */
  'blobAddress': (string);
  /**
   * Tokens a KV block.
   */
  'blockSize': (number);
  /**
   * KV blocks to hold; 0 asks the worker for as many as fit its memory.
   */
  'blockCount': (number);
  'maxSequences': (number);
  'laneCount': (number);
  /**
   * Longest sequence in tokens, prompt and output together.
   */
  'maxContext': (number);
  /**
   * Intra-op threads of the engine; 0 keeps the worker's own setting.
   */
  'threads': (number);
  /**
   * How hidden states travel to the next stage.
   */
  'activationDtype': (_stagecoach_v1_DataType__Output);
  /**
   * Tokens of the largest micro-batch; 0 means 512.
   */
  'maxBatchTokens': (number);
}
