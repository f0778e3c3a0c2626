// Original file: proto/stagecoach/v1/stage.proto

/**
 * What a link carries.
 */
export const LinkPurpose = {
  /**
   * Frames, from who connects.
   */
  LINK_FRAMES: 'LINK_FRAMES',
  /**
   * The last stage's tokens and failures of sequences, to who connects.
   */
  LINK_OUTPUTS: 'LINK_OUTPUTS',
  /**
   * The ids of the tokens that the last stage samples, to the first stage.
   */
  LINK_TOKENS: 'LINK_TOKENS',
} as const;

/**
 * What a link carries.
 */
export type LinkPurpose =
  /**
   * Frames, from who connects.
   */
  | 'LINK_FRAMES'
  | 0
  /**
   * The last stage's tokens and failures of sequences, to who connects.
   */
  | 'LINK_OUTPUTS'
  | 1
  /**
   * The ids of the tokens that the last stage samples, to the first stage.
   */
  | 'LINK_TOKENS'
  | 2

/**
 * What a link carries.
 */
export type LinkPurpose__Output = typeof LinkPurpose[keyof typeof LinkPurpose]
