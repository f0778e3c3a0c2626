import { StagecoachError } from "../../common/errors.js";
import type { Tokens__Output } from "../../proto/gen/stagecoach/v1/Tokens.js";

/** A token as the last stage sampled it. */
export interface SampledEvent {
  readonly sequenceId: number;
  readonly tokenId: number;
  readonly logprob?: number;
  readonly top?: readonly { tokenId: number; logprob: number }[];
}

/**
 * Unpacks the arrays of a Tokens message.
 * @throws StagecoachError INTERNAL when the arrays do not belong together.
 */
export function tokenEvents(tokens: Tokens__Output): SampledEvent[] {
  const { sequenceIds, tokenIds, logprobs, topCounts, topTokenIds, topLogprobs } = tokens;
  const count = sequenceIds.length;
  const topTotal = topCounts.reduce((sum, each) => sum + each, 0);
  if (
    tokenIds.length !== count ||
    ![0, count].includes(logprobs.length) ||
    ![0, count].includes(topCounts.length)
  ) {
    throw new StagecoachError(
      "INTERNAL",
      `a Tokens message has ${count} sequences, ${tokenIds.length} tokens, ${logprobs.length} log-probabilities`,
    );
  }
  if (topTokenIds.length !== topTotal || topLogprobs.length !== topTotal) {
    throw new StagecoachError(
      "INTERNAL",
      `a Tokens message counts ${topTotal} alternatives and has ${topTokenIds.length}`,
    );
  }
  let offset = 0;
  return sequenceIds.map((sequenceId, index) => {
    const logprob = logprobs[index] ?? Number.NaN;
    const start = offset;
    offset += topCounts[index] ?? 0;
    const top = topTokenIds
      .slice(start, offset)
      .map((tokenId, at) => ({ tokenId, logprob: topLogprobs[start + at] ?? Number.NaN }));
    return {
      sequenceId,
      tokenId: tokenIds[index] ?? 0,
      ...(!Number.isNaN(logprob) && { logprob, top }),
    };
  });
}
