import { expect, test } from "vitest";
import { batchOf, closings, opening, openingOn, type SliceOf } from "../../test/fixtures/stage-fixtures.js";
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
  made.close(closings([1, 99]));
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

/** Sequence 1 has 35 tokens in blocks 0, 5 and 2. */
function filledLedger(): SequenceLedger {
  const made = ledger();
  made.advance(batchOf([{ id: 1, context: 20, length: 15, blocks: [2] }]));
  return made;
}

test("a prefix is shared while its owner lives and while it is kept", () => {
  const made = filledLedger();
  made.open([openingOn(3, 32, [0, 5])]);
  expect(made.usage()).toEqual({ blocksUsed: 3, sequences: 3 });
  made.advance(batchOf([{ id: 3, context: 32, blocks: [7] }]));
  made.close(closings([1], 2));
  expect(made.usage()).toEqual({ blocksUsed: 3, sequences: 2 });
  made.close(closings([3]));
  expect(made.usage()).toEqual({ blocksUsed: 0, sequences: 1 });
  made.open([openingOn(4, 32, [0, 5])]);
  made.close(closings([4]));
  expect(() => made.open([openingOn(5, 33, [0, 5, 2])])).toThrow(/block 2 has KV of 0 tokens, it needs 1/);
  made.advance(batchOf([{ id: 2, blocks: [5] }]));
  expect(() => made.open([openingOn(5, 32, [0, 5])])).toThrow(/block 5 has KV of 1 tokens, it needs 16/);
  made.open([openingOn(5, 16, [0])]);
});

test("a partly filled block is copied from and stays its owner's", () => {
  const made = filledLedger();
  made.open([openingOn(3, 34, [0, 5, 2])]);
  expect(() => made.advance(batchOf([{ id: 3, context: 34 }]))).toThrow(/reaches 35 tokens and has blocks/);
  made.advance(
    batchOf([
      { id: 3, context: 34, blocks: [6] },
      { id: 1, context: 35 },
    ]),
  );
  expect(made.usage().blocksUsed).toBe(4);
});

test("cached blocks that are not there are refused by name and change nothing", () => {
  const made = filledLedger();
  for (const [length, blocks, message] of [
    [32, [0], /32 cached tokens take 2 blocks, it names 1/],
    [16, [0, 5], /take 1 blocks, it names 2/],
    [36, [0, 5, 2], /block 2 has KV of 3 tokens, it needs 4/],
    [16, [8], /block 8 has KV of 0 tokens/],
  ] as const) {
    expect(() => made.open([openingOn(3, length, blocks)])).toThrow(message);
  }
  expect(made.usage()).toEqual({ blocksUsed: 3, sequences: 2 });
});

test("what a failed batch was to write cannot be shared; what was there before can", () => {
  const made = ledger();
  const failing = batchOf([{ id: 1, context: 20, length: 30, blocks: [3, 4] }]);
  made.advance(failing);
  made.spoil(failing);
  expect(() => made.open([openingOn(3, 32, [0, 5])])).toThrow(/block 5 has KV of 4 tokens, it needs 16/);
  made.close(closings([1], 4));
  made.open([openingOn(3, 20, [0, 5])]);
});

test("of a batch that was computed in part, only what failed is spoilt", () => {
  const made = ledger();
  const half = batchOf([
    { id: 1, context: 20, length: 12, blocks: [] },
    { id: 2, length: 16, blocks: [6] },
  ]);
  made.advance(half);
  made.spoil(half, [2]);
  expect(() => made.open([openingOn(3, 16, [6])])).toThrow(/block 6 has KV of 0 tokens/);
  made.open([openingOn(3, 32, [0, 5])]);
});
