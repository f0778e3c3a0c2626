import { expect, test } from "vitest";
import { batchOf, opening, type SliceOf } from "../../test/fixtures/stage-fixtures.js";
import { SequenceLedger } from "./sequence-ledger.js";

function ledger(): SequenceLedger {
  const made = new SequenceLedger({ blockSize: 16, blockCount: 8, maxSequences: 3, maxContext: 60 });
  made.open([opening(1), opening(2)]);
  made.advance(batchOf([{ id: 1, length: 20, blocks: [0, 5] }]));
  return made;
}

test("sequences grow, own their blocks and give them back", () => {
  const made = ledger();
  expect(made.usage()).toEqual({ blocksUsed: 2, sequences: 2 });
  made.advance(
    batchOf([
      { id: 1, context: 20 },
      { id: 2, length: 16, blocks: [7] },
    ]),
  );
  made.advance(batchOf([{ id: 1, context: 21, length: 11 }]));
  expect(made.usage()).toEqual({ blocksUsed: 3, sequences: 2 });
  made.close([1, 99]);
  expect(made.usage()).toEqual({ blocksUsed: 1, sequences: 1 });
  made.open([opening(3)]);
  made.advance(batchOf([{ id: 3, length: 16, blocks: [0] }]));
});

test("a batch that cannot be computed is refused by the reason and changes nothing", () => {
  const cases: [SliceOf, RegExp][] = [
    [{ id: 9, blocks: [1] }, /sequence 9 was not opened/],
    [{ id: 1, context: 19 }, /sequence 1 has 20 tokens in KV, the batch says 19/],
    [{ id: 1, context: 20, blocks: [5] }, /block 5 already belongs to sequence 1/],
    [{ id: 1, context: 20, blocks: [6, 6] }, /block 6 already belongs to sequence 1/],
    [{ id: 1, context: 20, blocks: [8] }, /block 8 is beyond the 8 of this stage/],
    [{ id: 1, context: 20, length: 13 }, /reaches 33 tokens and has blocks for 32/],
    [{ id: 1, context: 20, length: 41, blocks: [1, 2] }, /reaches 61 tokens of 60/],
  ];
  for (const [slice, message] of cases) {
    const made = ledger();
    const good = { id: 2, length: 4, blocks: [3] };
    expect(() => made.advance(batchOf([good, slice])), String(message)).toThrow(message);
    expect(made.usage()).toEqual({ blocksUsed: 2, sequences: 2 });
    made.advance(batchOf([good]));
  }
});

test("the error names all sequences of the batch", () => {
  expect(() => ledger().advance(batchOf([{ id: 2, blocks: [1] }, { id: 9 }]))).toThrow(/sequences 2, 9:/);
});

test("opening twice or too many is refused and changes nothing", () => {
  const made = ledger();
  expect(() => made.open([opening(3), opening(2)])).toThrow(/sequence 2 is opened twice/);
  expect(() => made.open([opening(3), opening(3)])).toThrow(/opened twice/);
  expect(() => made.open([opening(3), opening(4)])).toThrow(/more than 3/);
  expect(made.usage().sequences).toBe(2);
});
