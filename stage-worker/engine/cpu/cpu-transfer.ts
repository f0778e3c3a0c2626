import { readMemory } from "../../../common/free-memory.js";
import { checkContent, newContent } from "../block-content.js";
import type { SequenceLedger } from "../sequence-ledger.js";
import type { StageRunner } from "../stage-runner.js";
import { type KeptBlocks, segmentBlocks } from "./kept-blocks.js";
import { putContent, takeContent } from "./kv-content.js";
import { KvPlanes } from "./kv-planes.js";
import type { KvShape } from "./kv-shape.js";

/**
 * What a CPU runner that exports and imports blocks has beside the others. Blocks that come in are kept ones, as if
 * their sequences had ended here. Rows of int8 lose what f16 does not hold of their peaks, and no level.
 */
export function cpuTransfer(
  ledger: SequenceLedger,
  kept: KeptBlocks,
  shape: KvShape,
  blockSize: number,
): Required<Pick<StageRunner, "exportBlocks" | "importBlocks">> {
  return {
    async exportBlocks(blocks) {
      ledger.checkFull(blocks);
      const content = newContent(shape, blocks.length * blockSize, readMemory().freeBytes);
      for (const [index, block] of blocks.entries()) {
        putContent(content, index * blockSize, kept.copy(block).read(0, 0, blockSize), shape);
      }
      return content;
    },
    async importBlocks(blocks, content) {
      checkContent(content, shape, blocks.length * blockSize);
      ledger.vacate(blocks);
      for (let from = 0; from < blocks.length; from += segmentBlocks) {
        const segment = blocks.slice(from, from + segmentBlocks);
        const tokens = segment.length * blockSize;
        const planes = new KvPlanes(shape, 1, tokens);
        planes.write(0, 0, tokens, takeContent(content, from * blockSize, tokens, shape));
        kept.put(segment, planes);
      }
      ledger.fill(blocks);
    },
  };
}
