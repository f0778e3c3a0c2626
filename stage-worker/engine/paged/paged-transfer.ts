import { StagecoachError } from "../../../common/errors.js";
import { readMemory } from "../../../common/free-memory.js";
import { checkContent, contentBytes, newContent } from "../block-content.js";
import type { SequenceLedger } from "../sequence-ledger.js";
import type { StageRunner } from "../stage-runner.js";
import type { BlockMover } from "./block-mover.js";
import type { CacheShape } from "./provider.js";

/** What a run moves at most: the device holds as much beside the caches meanwhile. */
const largestPieceBytes = 32 * 1_048_576;

/**
 * What a paged runner that exports and imports blocks has beside the others. A run moves `pieceBytes` at most, but one
 * block at least.
 */
export function pagedTransfer(
  ledger: SequenceLedger,
  mover: BlockMover,
  { firstLayer, endLayer, dims: [, blockSize, kvHeads, headSize] }: CacheShape,
  pieceBytes: number = largestPieceBytes,
): Required<Pick<StageRunner, "exportBlocks" | "importBlocks">> {
  const shape = { layers: endLayer - firstLayer, kvHeads, headSize };
  const pieceBlocks = Math.max(1, Math.floor(pieceBytes / contentBytes(shape, blockSize)));
  const blockLength = blockSize * kvHeads * headSize;

  return {
    async exportBlocks(blocks) {
      ledger.checkFull(blocks);
      const content = newContent(shape, blocks.length * blockSize, readMemory().freeBytes);
      for (let from = 0; from < blocks.length; from += pieceBlocks) {
        const piece = blocks.slice(from, from + pieceBlocks);
        const parts = await explained("export", piece, () => mover.read(piece));
        for (const [index, part] of content.parts.entries()) {
          part.set(parts[index] as Uint16Array, from * blockLength);
        }
      }
      return content;
    },
    async importBlocks(blocks, content) {
      checkContent(content, shape, blocks.length * blockSize);
      ledger.vacate(blocks);
      for (let from = 0; from < blocks.length; from += pieceBlocks) {
        const piece = blocks.slice(from, from + pieceBlocks);
        const [start, end] = [from * blockLength, (from + piece.length) * blockLength];
        const parts = content.parts.map((part) => part.subarray(start, end));
        await explained("import", piece, () => mover.write(piece, parts));
      }
      ledger.fill(blocks);
    },
  };
}

async function explained<Result>(
  what: "export" | "import",
  blocks: readonly number[],
  move: () => Promise<Result>,
): Promise<Result> {
  try {
    return await move();
  } catch (reason) {
    const message = reason instanceof Error ? reason.message : String(reason);
    throw new StagecoachError("INTERNAL", `cannot ${what} blocks ${blocks.join(", ")}: ${message}`, {
      cause: reason,
    });
  }
}
