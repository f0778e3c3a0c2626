/** The merges of a BPE by the pair of token ids that they join: an open-addressing hash table, 16 bytes a slot. */
export interface MergeTable {
  /** Where the pair is, or -1: an index into `ranks` and `results`. */
  find(left: number, right: number): number;
  /** What is joined first: the lowest rank. */
  readonly ranks: Int32Array;
  /** The token that a join makes. */
  readonly results: Int32Array;
}

/** One merge in ids. */
export interface IdMerge {
  readonly left: number;
  readonly right: number;
  readonly rank: number;
  readonly result: number;
}

/** A Map keyed by pairs would box every key: five times the memory and a quarter of the speed. */
export function createMergeTable(merges: readonly IdMerge[]): MergeTable {
  const bits = Math.max(4, Math.ceil(Math.log2(merges.length * 2 + 1)));
  const mask = 2 ** bits - 1;
  const lefts = new Int32Array(mask + 1).fill(-1);
  const rights = new Int32Array(mask + 1);
  const ranks = new Int32Array(mask + 1);
  const results = new Int32Array(mask + 1);

  const find = (left: number, right: number): number => {
    let slot = hash(left, right) & mask;
    for (;;) {
      const found = lefts[slot];
      if (found === left && rights[slot] === right) return slot;
      if (found === -1) return -1;
      slot = (slot + 1) & mask;
    }
  };

  for (const merge of merges) {
    if (find(merge.left, merge.right) >= 0) continue;
    let slot = hash(merge.left, merge.right) & mask;
    while (lefts[slot] !== -1) slot = (slot + 1) & mask;
    lefts[slot] = merge.left;
    rights[slot] = merge.right;
    ranks[slot] = merge.rank;
    results[slot] = merge.result;
  }
  return { find, ranks, results };
}

function hash(left: number, right: number): number {
  let mixed = Math.imul(left, 0x9e3779b1) ^ Math.imul(right, 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d);
  return mixed ^ (mixed >>> 13);
}
