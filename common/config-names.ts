/** `maxNumSeqs` → `--max-num-seqs`. */
export function flagOf(name: string): string {
  return `--${kebab(name)}`;
}

/** `maxNumSeqs` → `STAGECOACH_MAX_NUM_SEQS`. */
export function variableOf(name: string): string {
  return `STAGECOACH_${kebab(name).replaceAll("-", "_").toUpperCase()}`;
}

/**
 * The candidate with the fewest edits to `word`, for "did you mean"; undefined when even that one differs
 * in more than half of its letters.
 */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: editDistance(normal(word), normal(candidate)) }))
    .filter(({ candidate, edits }) => edits <= candidate.length / 2)
    .sort((a, b) => a.edits - b.edits);
  return ranked[0]?.candidate;
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `max_num_seqs`, `max-num-seqs` and `maxNumSeqs` are the same word to a person. */
function normal(word: string): string {
  return word.replace(/[-_]/g, "").toLowerCase();
}

/** Levenshtein's distance, one row at a time. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
