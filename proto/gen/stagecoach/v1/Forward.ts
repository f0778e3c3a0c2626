// Original file: proto/stagecoach/v1/stage.proto

import type { Tensor as _stagecoach_v1_Tensor, Tensor__Output as _stagecoach_v1_Tensor__Output } from '../../stagecoach/v1/Tensor.js';
import type { Long } from '@grpc/proto-loader';

/**
 * Forward is one micro-batch: packed tokens of several sequences, no padding.
 * The arrays have one entry a slice; a slice is a run of consecutive tokens of
 * one sequence. Decoding slices (length 1) come first, then prefill chunks.
 */
export interface Forward {
  'sequenceIds'?: (number)[];
  /**
   * Tokens of the sequence already in KV: the position of the slice's first token.
   */
  'contextLengths'?: (number)[];
  /**
   * Tokens in the slice.
   */
  'lengths'?: (number)[];
  /**
   * 1 where the token after the slice's last one is to be sampled.
   */
  'sample'?: (Buffer | Uint8Array | string);
  /**
   * KV blocks that the slice adds to its sequence's block table: how many each,
   * then the ids one after another.
   */
  'newBlockCounts'?: (number)[];
  'newBlockIds'?: (number)[];
  /**
   * Into the first stage only: little-endian uint32, one a packed token; 2^32 - 1
   * alone in a slice stands for the token that the sequence sampled last, where
   * this stage is also the one that sampled it.
   */
  'tokenIds'?: (Buffer | Uint8Array | string);
  /**
   * Into later stages only.
   */
  'hidden'?: (_stagecoach_v1_Tensor | null);
  /**
   * When the sender's engine finished, microseconds since the Unix epoch, for
   * measuring hops between processes of one machine.
   */
  'sentAtUs'?: (number | string | Long);
}

/**
 * Forward is one micro-batch: packed tokens of several sequences, no padding.
 * The arrays have one entry a slice; a slice is a run of consecutive tokens of
 * one sequence. Decoding slices (length 1) come first, then prefill chunks.
 */
export interface Forward__Output {
  'sequenceIds': (number)[];
  /**
   * Tokens of the sequence already in KV: the position of the slice's first token.
   */
  'contextLengths': (number)[];
  /**
   * Tokens in the slice.
   */
  'lengths': (number)[];
  /**
   * 1 where the token after the slice's last one is to be sampled.
   */
  'sample': (Buffer);
  /**
   * KV blocks that the slice adds to its sequence's block table: how many each,
   * then the ids one after another.
   */
  'newBlockCounts': (number)[];
  'newBlockIds': (number)[];
  /**
   * Into the first stage only: little-endian uint32, one a packed token; 2^32 - 1
   * alone in a slice stands for the token that the sequence sampled last, where
   * this stage is also the one that sampled it.
   */
  'tokenIds': (Buffer);
  /**
   * Into later stages only.
   */
  'hidden': (_stagecoach_v1_Tensor__Output | null);
  /**
   * When the sender's engine finished, microseconds since the Unix epoch, for
   * measuring hops between processes of one machine.
   */
  'sentAtUs': (number);
}
