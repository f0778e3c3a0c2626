import type { Tokens, Tokens__Output } from "../proto/gen/stagecoach/v1/Tokens.js";
import { StagecoachError } from "./errors.js";
import { split } from "./frame-codec.js";

/** One sampled token; log-probabilities are natural, before temperature, and present where they were wanted. */
export interface SampledToken {
  readonly sequenceId: number;
  readonly tokenId: number;
  readonly logprob?: number;
  readonly top?: readonly { tokenId: number; logprob: number }[];
}

/** The message for what one step sampled. Arrays of log-probabilities stay empty when no token has one. */
export function encodeTokens(tokens: readonly SampledToken[]): Tokens {
  const message: Tokens = {
    sequenceIds: tokens.map(({ sequenceId }) => sequenceId),
    tokenIds: tokens.map(({ tokenId }) => tokenId),
  };
  if (tokens.every(({ logprob, top }) => logprob === undefined && top === undefined)) return message;
  const tops = tokens.map(({ top }) => top ?? []);
  return {
    ...message,
    logprobs: tokens.map(({ logprob }) => logprob ?? Number.NaN),
    topCounts: tops.map((top) => top.length),
    topTokenIds: tops.flat().map(({ tokenId }) => tokenId),
    topLogprobs: tops.flat().map(({ logprob }) => logprob),
  };
}

/**
 * What one step sampled, out of its message.
 * @throws StagecoachError INVALID_ARGUMENT naming the array that does not add up
 */
export function decodeTokens(message: Tokens__Output): SampledToken[] {
  const { sequenceIds, tokenIds, logprobs, topCounts, topTokenIds, topLogprobs } = message;
  const count = sequenceIds.length;
  if (tokenIds.length !== count) throw mismatch(count, tokenIds, "tokenIds");
  for (const [name, array] of Object.entries({ logprobs, topCounts })) {
    if (array.length !== count && array.length !== 0) throw mismatch(count, array, name);
  }
  const ids = split(topTokenIds, topCounts, "topTokenIds");
  const values = split(topLogprobs, topCounts, "topLogprobs");
  return sequenceIds.map((sequenceId, index) => {
    const logprob = logprobs[index] ?? Number.NaN;
    const top = ids[index]?.map((tokenId, rank) => ({ tokenId, logprob: values[index]?.[rank] as number }));
    return {
      sequenceId,
      tokenId: tokenIds[index] as number,
      ...(!Number.isNaN(logprob) && { logprob }),
      ...(top !== undefined && top.length > 0 && { top }),
    };
  });
}

function mismatch(count: number, array: readonly unknown[], name: string): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `Tokens has ${count} sequenceIds and ${array.length} ${name}`,
  );
}
