import type { MergeTable } from "./merge-table.js";

/** Symbols up to which looking at every pair again after each join is faster than keeping a heap. */
const scanLimit = 40;

const noRank = 0x7fffffff;

/**
 * Byte-pair encoding of one word, in place: while any two neighbours have a merge, joins those of the lowest
 * rank, from left to right among equals. Negative symbols never join. Returns how many symbols are left.
 * Takes O(n log n) for long words, so text without spaces cannot stall a server.
 *
 * @param symbols token ids, `count` of them
 */
export function applyMerges(table: MergeTable, symbols: Int32Array, count: number): number {
  if (count < 2) return count;
  return count <= scanLimit ? applyByScan(table, symbols, count) : applyByHeap(table, symbols, count);
}

const scanRanks = new Int32Array(scanLimit);

function applyByScan(table: MergeTable, symbols: Int32Array, count: number): number {
  let left = count;
  for (let index = 0; index + 1 < left; index++) scanRanks[index] = rankAt(table, symbols, index);
  while (left > 1) {
    let best = 0;
    for (let index = 1; index + 1 < left; index++) {
      if ((scanRanks[index] as number) < (scanRanks[best] as number)) best = index;
    }
    if (scanRanks[best] === noRank) return left;
    symbols[best] = table.results[table.find(symbols[best] as number, symbols[best + 1] as number)] as number;
    symbols.copyWithin(best + 1, best + 2, left);
    scanRanks.copyWithin(best + 1, best + 2, left - 1);
    left -= 1;
    if (best > 0) scanRanks[best - 1] = rankAt(table, symbols, best - 1);
    if (best + 1 < left) scanRanks[best] = rankAt(table, symbols, best);
  }
  return left;
}

function rankAt(table: MergeTable, symbols: Int32Array, index: number): number {
  const slot = table.find(symbols[index] as number, symbols[index + 1] as number);
  return slot < 0 ? noRank : (table.ranks[slot] as number);
}

/** Positions form a linked list; the heap may hold outdated pairs, known by a rank that is no longer theirs. */
function applyByHeap(table: MergeTable, symbols: Int32Array, count: number): number {
  const next = Int32Array.from({ length: count }, (_, index) => index + 1);
  const previous = Int32Array.from({ length: count }, (_, index) => index - 1);
  const ranks = new Int32Array(count).fill(noRank);
  const heap = createHeap(count);

  const rate = (position: number): void => {
    const right = next[position] as number;
    const slot = right < count ? table.find(symbols[position] as number, symbols[right] as number) : -1;
    const rank = slot < 0 ? noRank : (table.ranks[slot] as number);
    ranks[position] = rank;
    if (rank !== noRank) heap.push(rank, position);
  };

  for (let position = 0; position + 1 < count; position++) rate(position);
  while (heap.pop()) {
    const position = heap.position();
    if (ranks[position] !== heap.rank()) continue;
    const right = next[position] as number;
    const slot = table.find(symbols[position] as number, symbols[right] as number);
    symbols[position] = table.results[slot] as number;
    const after = next[right] as number;
    next[position] = after;
    if (after < count) previous[after] = position;
    ranks[right] = noRank;
    rate(position);
    if ((previous[position] as number) >= 0) rate(previous[position] as number);
  }

  let left = 0;
  for (let position = 0; position < count; position = next[position] as number) {
    symbols[left++] = symbols[position] as number;
  }
  return left;
}

/** A binary heap of (rank, position), lowest first, each pair in one number. */
function createHeap(capacity: number) {
  const positions = 2 ** 31;
  let keys = new Float64Array(capacity + 16);
  let size = 0;
  let top = 0;

  return {
    push(rank: number, position: number): void {
      if (size === keys.length) {
        const larger = new Float64Array(size * 2);
        larger.set(keys);
        keys = larger;
      }
      const key = rank * positions + position;
      let hole = size++;
      while (hole > 0) {
        const parent = (hole - 1) >> 1;
        if ((keys[parent] as number) <= key) break;
        keys[hole] = keys[parent] as number;
        hole = parent;
      }
      keys[hole] = key;
    },
    /** Takes the lowest pair, which `rank` and `position` then tell; false when there is none. */
    pop(): boolean {
      if (size === 0) return false;
      top = keys[0] as number;
      const last = keys[--size] as number;
      let hole = 0;
      for (;;) {
        let child = 2 * hole + 1;
        if (child >= size) break;
        if (child + 1 < size && (keys[child + 1] as number) < (keys[child] as number)) child += 1;
        if ((keys[child] as number) >= last) break;
        keys[hole] = keys[child] as number;
        hole = child;
      }
      keys[hole] = last;
      return true;
    },
    rank: (): number => Math.floor(top / positions),
    position: (): number => top % positions,
  };
}
