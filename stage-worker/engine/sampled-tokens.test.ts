import { describe, expect, test } from "vitest";
import { sampledToken } from "../../common/frame-codec.js";
import { SampledTokens } from "./sampled-tokens.js";
import type { RaggedBatch } from "./stage-runner.js";

describe("tokens of a stage that also ends the model", () => {
  test("a step that was sent ahead goes on from them, others as they say", () => {
    const tokens = new SampledTokens();
    tokens.remember([sampled(7, 70), sampled(8, 80)]);
    tokens.remember([sampled(7, 71)]);
    const given = Uint32Array.of(sampledToken, 5, sampledToken, 1, 2, 3);
    const filled = tokens.fill(batchOf([7, 9, 8, 10], [1, 1, 1, 3]), { kind: "tokens", tokenIds: given });
    expect(filled).toEqual({ kind: "tokens", tokenIds: Uint32Array.of(71, 5, 80, 1, 2, 3) });
    expect(given[0]).toBe(sampledToken);
  });

  test("a sequence of which nothing was sampled, or that is over, is named", () => {
    const tokens = new SampledTokens();
    expect(tokens.has(batchOf([7]), ahead)).toBe(true);
    expect(() => tokens.fill(batchOf([7]), ahead)).toThrow(
      /sequence 7 .* none was sampled that is known here/,
    );
    tokens.remember([sampled(7, 70)]);
    tokens.forget([{ sequenceId: 7, keptBlocks: 0 }]);
    expect(() => tokens.fill(batchOf([7]), ahead)).toThrow(/sequence 7/);
  });
});

describe("tokens that the last stage sends", () => {
  test("a step waits for those of the step before it, each time anew", () => {
    const tokens = following();
    tokens.passedOn(batchOf([7]));
    expect(tokens.has(batchOf([7]), ahead)).toBe(false);
    expect(tokens.arrived([sampled(7, 70)])).toEqual([]);
    expect(tokens.has(batchOf([7]), ahead)).toBe(true);
    expect(tokens.fill(batchOf([7]), ahead)).toEqual({ kind: "tokens", tokenIds: Uint32Array.of(70) });
    tokens.passedOn(batchOf([7]));
    expect(tokens.has(batchOf([7]), ahead)).toBe(false);
    expect(tokens.has(batchOf([8]), ahead)).toBe(true);
    expect(tokens.has(batchOf([7]), { kind: "tokens", tokenIds: Uint32Array.of(3) })).toBe(true);
  });

  test("those of a step whose token the coordinator said in between are not taken for the next one's", () => {
    const tokens = following();
    tokens.passedOn(batchOf([7]));
    tokens.arrived([sampled(7, 70)]);
    tokens.passedOn(batchOf([7]));
    expect(tokens.has(batchOf([7]), ahead)).toBe(false);
    tokens.arrived([sampled(7, 71)]);
    expect(tokens.fill(batchOf([7]), ahead)).toEqual({ kind: "tokens", tokenIds: Uint32Array.of(71) });
  });

  test("steps are answered in their order, and who got no token failed", () => {
    const tokens = following();
    tokens.passedOn(batchOf([7, 8, 9], [1, 1, 4], [true, true, false]));
    tokens.passedOn(batchOf([10]));
    expect(tokens.arrived([sampled(8, 80)])).toEqual([7]);
    expect(tokens.has(batchOf([10]), ahead)).toBe(false);
    expect(tokens.arrived([])).toEqual([10]);
    expect(() => tokens.arrived([])).toThrow(/tokens came from the last stage for no step/);
  });

  test("what comes of a sequence that is closed is nobody's", () => {
    const tokens = following();
    tokens.passedOn(batchOf([7, 8]));
    tokens.forget([{ sequenceId: 7, keptBlocks: 0 }]);
    expect(tokens.arrived([sampled(8, 80), sampled(7, 70)])).toEqual([]);
    expect(() => tokens.fill(batchOf([7]), ahead)).toThrow(/sequence 7/);
  });
});

const ahead = { kind: "tokens", tokenIds: Uint32Array.of(sampledToken) } as const;

function following(): SampledTokens {
  const tokens = new SampledTokens();
  tokens.follow();
  return tokens;
}

function sampled(sequenceId: number, tokenId: number) {
  return { sequenceId, tokenId };
}

function batchOf(
  sequenceIds: number[],
  lengths = sequenceIds.map(() => 1),
  sample = sequenceIds.map(() => true),
): RaggedBatch {
  const contextLengths = sequenceIds.map(() => 4);
  return { lane: 0, sequenceIds, contextLengths, lengths, sample, newBlocks: sequenceIds.map(() => []) };
}
