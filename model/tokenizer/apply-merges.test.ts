import { expect, test } from "vitest";
import { seededRandom } from "../../test/fixtures/random.js";
import { applyMerges } from "./apply-merges.js";
import { createMergeTable, type IdMerge } from "./merge-table.js";

/** The definition: again and again, the first of the pairs with the lowest rank. */
function reference(merges: readonly IdMerge[], symbols: readonly number[]): number[] {
  let word = [...symbols];
  for (;;) {
    let best: { at: number; merge: IdMerge } | undefined;
    for (let at = 0; at + 1 < word.length; at++) {
      const merge = merges.find(({ left, right }) => left === word[at] && right === word[at + 1]);
      if (merge !== undefined && (best === undefined || merge.rank < best.merge.rank)) best = { at, merge };
    }
    if (best === undefined) return word;
    word = [...word.slice(0, best.at), best.merge.result, ...word.slice(best.at + 2)];
  }
}

function randomMerges(
  random: () => number,
  letters: number,
  count: number,
  distinctRanks: number,
): IdMerge[] {
  const merges = new Map<string, IdMerge>();
  for (let index = 0; index < count; index++) {
    const left = Math.floor(random() * (letters + index));
    const right = Math.floor(random() * (letters + index));
    const rank = Math.floor(random() * distinctRanks);
    merges.set(`${left} ${right}`, { left, right, rank, result: letters + index });
  }
  return [...merges.values()];
}

test("joins as the definition does, in short words and long ones, with equal ranks too", () => {
  const random = seededRandom(1);
  for (let round = 0; round < 300; round++) {
    const letters = 1 + Math.floor(random() * 4);
    const merges = randomMerges(random, letters, 12, round % 2 === 0 ? 1000 : 3);
    const length = Math.floor(random() * 90);
    const word = Array.from(
      { length },
      () => Math.floor(random() * (letters + 1)) - (random() < 0.1 ? 9 : 0),
    );
    const symbols = Int32Array.from(word);
    const left = applyMerges(createMergeTable(merges), symbols, length);
    expect([...symbols.subarray(0, left)]).toEqual(reference(merges, word));
  }
});

test("takes words far too long for a method that looks at every pair again", () => {
  const merges = [{ left: 0, right: 0, rank: 0, result: 1 }];
  const symbols = new Int32Array(500_001);
  expect(applyMerges(createMergeTable(merges), symbols, symbols.length)).toBe(250_001);
  expect([symbols[0], symbols[249_999], symbols[250_000]]).toEqual([1, 1, 0]);
});
