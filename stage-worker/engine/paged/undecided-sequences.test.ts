import { expect, test } from "vitest";
import { UndecidedSequences } from "./undecided-sequences.js";

/** How many tokens take logits before a part is tried again. */
function stay(undecided: UndecidedSequences, sequenceId: number): number {
  let tokens = 0;
  for (; undecided.wantsLogits(sequenceId); tokens++) undecided.tookLogits(sequenceId);
  return tokens;
}

test("a sequence takes logits for longer each time that a part fails again, up to a limit", () => {
  const undecided = new UndecidedSequences();
  const stays = Array.from({ length: 9 }, () => {
    undecided.triedPart(1, false);
    return stay(undecided, 1);
  });
  expect(stays).toEqual([1, 2, 4, 8, 16, 32, 64, 64, 64]);
});

test("a part that decides puts it back to the beginning", () => {
  const undecided = new UndecidedSequences();
  for (let round = 0; round < 4; round++) {
    undecided.triedPart(1, false);
    stay(undecided, 1);
  }
  undecided.triedPart(1, true);
  expect(undecided.wantsLogits(1)).toBe(false);
  undecided.triedPart(1, false);
  expect(stay(undecided, 1)).toBe(1);
});

test("sequences are apart, and forgotten", () => {
  const undecided = new UndecidedSequences();
  undecided.triedPart(1, false);
  undecided.tookLogits(2);
  expect([1, 2].map((id) => undecided.wantsLogits(id))).toEqual([true, false]);
  undecided.forget([1]);
  expect(undecided.wantsLogits(1)).toBe(false);
});
