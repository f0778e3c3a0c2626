import type { Assignment } from "./assignment.js";

/** One way to search for assignments whose stages and links all stay within a limit. */
export interface LimitSearch {
  /** Every time that a stage or link could take, ascending: the limits worth trying. */
  readonly limits: Float64Array;
  /** False only when no assignment can stay within the limit; may be wrong the other way. */
  mayFit(limitMs: number): boolean;
  /** The assignment within the limit that takes least in total; undefined when there is none. */
  leastTotal(limitMs: number): { readonly assignment: Assignment; readonly totalMs: number } | undefined;
}

/** The lowest limit that may be met: no assignment has a shorter period. Undefined when memory forbids all. */
export function lowestLimit(search: LimitSearch): number | undefined {
  const at = firstWhere(search.limits.length, 0, (index) => search.mayFit(search.limits[index] as number));
  return search.limits[at];
}

/**
 * The assignment with the shortest period, `max(slowest stage or link, total / onTheWay)`, and among those the
 * shortest total. A higher limit allows a shorter total, so the two cross once; that place is searched.
 */
export function minimisePeriod(search: LimitSearch, onTheWay: number): Assignment | undefined {
  const { limits } = search;
  const limitAt = (index: number): number => limits[index] as number;
  const start = firstWhere(limits.length, 0, (index) => search.mayFit(limitAt(index)));
  const lowest = firstWhere(limits.length, start, (index) => search.leastTotal(limitAt(index)) !== undefined);
  if (lowest === limits.length) return undefined;

  const shareAt = (index: number): number =>
    (search.leastTotal(limitAt(index))?.totalMs ?? Infinity) / onTheWay;
  const crossing = firstWhere(limits.length, lowest, (index) => shareAt(index) <= limitAt(index));
  const periodMs = Math.min(
    crossing < limits.length ? limitAt(crossing) : Infinity,
    crossing > lowest ? shareAt(crossing - 1) : Infinity,
  );
  // Sums are rounded and weighed a little; without the slack the limit that gave them could miss itself.
  return search.leastTotal(periodMs * (1 + 1e-8))?.assignment;
}

/** The first index from `start` on where a condition that never turns false again holds; else `count`. */
function firstWhere(count: number, start: number, holds: (index: number) => boolean): number {
  if (start < count && holds(start)) return start;
  let low = start;
  let high = count;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
