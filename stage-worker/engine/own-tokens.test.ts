import { expect, test } from "vitest";
import { sampledToken } from "../../common/frame-codec.js";
import { OwnTokens } from "./own-tokens.js";
import type { RaggedBatch } from "./stage-runner.js";

test("a step that was sent ahead goes on from the tokens sampled here, others as they say", () => {
  const tokens = new OwnTokens();
  tokens.remember({ kind: "tokens", tokens: [sampled(7, 70), sampled(8, 80)] });
  tokens.remember({ kind: "tokens", tokens: [sampled(7, 71)] });
  const given = Uint32Array.of(sampledToken, 5, sampledToken, 1, 2, 3);
  const filled = tokens.fill(batchOf([7, 9, 8, 10], [1, 1, 1, 3]), { kind: "tokens", tokenIds: given });
  expect(filled).toEqual({ kind: "tokens", tokenIds: Uint32Array.of(71, 5, 80, 1, 2, 3) });
  expect(given[0]).toBe(sampledToken);
});

test("a sequence of which nothing was sampled, or that is over, is named", () => {
  const tokens = new OwnTokens();
  const ahead = { kind: "tokens", tokenIds: Uint32Array.of(sampledToken) } as const;
  expect(() => tokens.fill(batchOf([7], [1]), ahead)).toThrow(/sequence 7 .* none was sampled here/);
  tokens.remember({ kind: "tokens", tokens: [sampled(7, 70)] });
  tokens.forget([{ sequenceId: 7, keptBlocks: 0 }]);
  expect(() => tokens.fill(batchOf([7], [1]), ahead)).toThrow(/sequence 7/);
});

function sampled(sequenceId: number, tokenId: number) {
  return { sequenceId, tokenId };
}

function batchOf(sequenceIds: number[], lengths: number[]): RaggedBatch {
  const contextLengths = sequenceIds.map(() => 4);
  return {
    lane: 0,
    sequenceIds,
    contextLengths,
    lengths,
    sample: sequenceIds.map(() => true),
    newBlocks: sequenceIds.map(() => []),
  };
}
