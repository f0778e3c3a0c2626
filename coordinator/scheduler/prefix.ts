import type { BlockPool } from "./block-pool.js";
import type { Sequence } from "./sequence.js";

/** KV that is there already and that a sequence can start from. */
export interface Prefix {
  /** Tokens at the beginning of the sequence; at least its last known one is left to compute. */
  readonly length: number;
  /** The full blocks, to be shared. */
  readonly blocks: readonly number[];
  /** The block to copy the rest from, where `length` ends inside one. */
  readonly copyFrom: number | undefined;
}

export const noPrefix: Prefix = { length: 0, blocks: [], copyFrom: undefined };

/** The longest run of a sequence's full blocks whose content is known. */
export function cachedPrefix(sequence: Sequence, pool: BlockPool, blockSize: number): Prefix {
  const blocks: number[] = [];
  const most = Math.floor(sequence.length / blockSize);
  while (blocks.length < most) {
    const block = pool.find(sequence.keyOf(blocks.length, blockSize));
    if (block === undefined) break;
    blocks.push(block);
  }
  return prefixOf(blocks, Math.min(blocks.length * blockSize, sequence.length - 1), blockSize);
}

/** What a fork has in common with its origin, as far as that is computed; nothing when that does not run. */
export function originPrefix(sequence: Sequence, blockSize: number): Prefix {
  const { origin } = sequence;
  if (origin === undefined || origin.sequenceId === 0) return noPrefix;
  // Both may have generated text of their own by now.
  const common = Math.min(origin.sent, sequence.request.promptIds.length, sequence.length - 1);
  return prefixOf(origin.blocks, common, blockSize);
}

function prefixOf(table: readonly number[], length: number, blockSize: number): Prefix {
  const full = Math.floor(length / blockSize);
  const copyFrom = length % blockSize === 0 ? undefined : table[full];
  return { length, blocks: table.slice(0, full), copyFrom };
}

/** The same without the part that would be copied. */
export function withoutCopy({ blocks }: Prefix, blockSize: number): Prefix {
  return { length: blocks.length * blockSize, blocks, copyFrom: undefined };
}
