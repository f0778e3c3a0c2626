/**
 * Pairs of a new token and one that it may see that may be computed in vain to save a run. Estimated, not tuned: a
 * run costs 8 to 10 ms beside its tokens for all of SmolLM2's layers, and attention's share of a chunk of 128 came to
 * 1.3 µs a pair, so that 6,000 pairs are worth it. Both grow with the layers.
 */
const pairsPerRun = 4096;

/** Where a chunk begins, and how many tokens it has. */
interface Chunk {
  readonly context: number;
  readonly length: number;
}

/**
 * Groups chunks that are computed together. All of a group are as long as the longest and see as much as the one
 * that sees most, so another run is better where they differ much.
 */
export function groupChunks<C extends Chunk>(chunks: readonly C[]): C[][] {
  const groups: C[][] = [];
  const byWidth = [...chunks].sort((a, b) => a.context - b.context || a.length - b.length);
  for (const chunk of byWidth) {
    const last = groups.at(-1);
    if (last && wasted([...last, chunk]) <= pairsPerRun) last.push(chunk);
    else groups.push([chunk]);
  }
  return groups;
}

function wasted(group: readonly Chunk[]): number {
  const longest = Math.max(...group.map(({ length }) => length));
  const furthest = Math.max(...group.map(({ context }) => context));
  const needed = group.reduce((sum, { context, length }) => sum + length * (context + length), 0);
  return group.length * longest * (furthest + longest) - needed;
}
