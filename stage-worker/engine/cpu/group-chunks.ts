/**
 * What attention to a pair of tokens costs beside a run more, by layer: a run takes 8 to 10 ms longer for all of
 * SmolLM2's layers, which is as long as 6,000 to 7,000 pairs take.
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
