import { expect, test } from "vitest";
import { openingOn } from "../../../test/fixtures/stage-fixtures.js";
import { contentBytes } from "../block-content.js";
import { SequenceLedger } from "../sequence-ledger.js";
import type { BlockContent } from "../stage-runner.js";
import type { BlockMover } from "./block-mover.js";
import { pagedTransfer } from "./paged-transfer.js";

const [blockSize, kvHeads, headSize] = [4, 2, 3];
const shape = { firstLayer: 5, endLayer: 7, dims: [10, blockSize, kvHeads, headSize] as const };
const blockLength = blockSize * kvHeads * headSize;

/** A device that keeps each block's parts, and breaks at writing block 9. */
function device() {
  const runs: (readonly number[])[] = [];
  const kept = new Map<number, Uint16Array[]>();
  const mover: BlockMover = {
    idleFeeds: {},
    read: async (blocks) => {
      runs.push(blocks);
      return [0, 1, 2, 3].map((part) =>
        Uint16Array.from(blocks.flatMap((block) => Array.from(kept.get(block)?.[part] ?? []))),
      );
    },
    write: async (blocks, parts) => {
      runs.push(blocks);
      if (blocks.includes(9)) throw new Error("the device is lost");
      for (const [index, block] of blocks.entries()) {
        const [from, end] = [index * blockLength, (index + 1) * blockLength];
        kept.set(
          block,
          parts.map((part) => part.slice(from, end)),
        );
      }
    },
    close: async () => undefined,
  };
  const ledger = new SequenceLedger({ blockSize, blockCount: 10, maxSequences: 2, maxContext: 40 });
  const twoBlocks = contentBytes({ layers: 2, kvHeads, headSize }, 2 * blockSize);
  return { runs, ledger, transfer: pagedTransfer(ledger, mover, shape, twoBlocks + 1) };
}

function contentOf(blocks: number): BlockContent {
  const part = (at: number) =>
    Uint16Array.from({ length: blocks * blockLength }, (_, index) => 1000 * at + index);
  return { tokens: blocks * blockSize, parts: [1, 2, 3, 4].map(part) };
}

test("blocks move in pieces of what a run may hold, and each is what it was", async () => {
  const { runs, transfer } = device();
  const content = contentOf(5);
  await transfer.importBlocks([7, 2, 0, 5, 8], content);
  expect(await transfer.exportBlocks([7, 2, 0, 5, 8])).toEqual(content);
  expect(runs).toEqual([[7, 2], [0, 5], [8], [7, 2], [0, 5], [8]]);
  const [only] = (await transfer.exportBlocks([5])).parts;
  expect(only).toEqual(content.parts[0]?.subarray(3 * blockLength, 4 * blockLength));
  expect(await transfer.exportBlocks([])).toEqual({
    tokens: 0,
    parts: new Array(4).fill(new Uint16Array(0)),
  });
});

test("what fails half-way names its blocks, and nothing can be read of any", async () => {
  const { ledger, transfer } = device();
  await transfer.importBlocks([1, 2, 3], contentOf(3));
  await expect(transfer.importBlocks([3, 4, 9], contentOf(3))).rejects.toMatchObject({
    code: "INTERNAL",
    message: "cannot import blocks 9: the device is lost",
  });
  for (const block of [3, 4, 9]) {
    expect(() => ledger.open([openingOn(1, blockSize, [block])])).toThrow(`block ${block} has KV of 0`);
  }
  ledger.open([openingOn(1, 2 * blockSize, [1, 2])]);
});
