import { expect, test } from "vitest";
import type { Tokens, Tokens__Output } from "../proto/gen/stagecoach/v1/Tokens.js";
import { v1 } from "./proto.js";
import { decodeTokens, encodeTokens, type SampledToken } from "./token-codec.js";

function overTheWire(tokens: Tokens): Tokens__Output {
  const { responseSerialize, responseDeserialize } = v1.Stage.service.Outputs;
  return responseDeserialize(responseSerialize({ tokens })).tokens as Tokens__Output;
}

test("tokens come back, those with log-probabilities beside those without", () => {
  const tokens: SampledToken[] = [
    { sequenceId: 1, tokenId: 49_151 },
    { sequenceId: 2, tokenId: 0, logprob: -0.5 },
    {
      sequenceId: 3,
      tokenId: 8,
      logprob: -1.25,
      top: [
        { tokenId: 8, logprob: -1.25 },
        { tokenId: 9, logprob: Number.NEGATIVE_INFINITY },
      ],
    },
  ];
  expect(decodeTokens(overTheWire(encodeTokens(tokens)))).toEqual(tokens);
});

test("plain tokens carry no log-probabilities, no tokens nothing at all", () => {
  const message = overTheWire(encodeTokens([{ sequenceId: 1, tokenId: 2 }]));
  expect(message).toMatchObject({ logprobs: [], topCounts: [], topTokenIds: [] });
  expect(decodeTokens(message)).toEqual([{ sequenceId: 1, tokenId: 2 }]);
  expect(decodeTokens(overTheWire(encodeTokens([])))).toEqual([]);
});

test("tokens that do not add up are refused by the array", () => {
  const good = overTheWire(
    encodeTokens([{ sequenceId: 1, tokenId: 2, logprob: -1, top: [{ tokenId: 2, logprob: -1 }] }]),
  );
  expect(() => decodeTokens({ ...good, tokenIds: [] })).toThrow(/1 sequenceIds and 0 tokenIds/);
  expect(() => decodeTokens({ ...good, logprobs: [1, 2] })).toThrow(/2 logprobs/);
  expect(() => decodeTokens({ ...good, topCounts: [2] })).toThrow(/topTokenIds has 1 entries.*say 2/);
  expect(() => decodeTokens({ ...good, topCounts: [] })).toThrow(/topTokenIds has 1 entries.*say 0/);
  expect(() => decodeTokens({ ...good, topLogprobs: [] })).toThrow(/topLogprobs has 0 entries/);
});
