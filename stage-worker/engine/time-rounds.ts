import { median } from "./percentile.js";

/** How often and in which rhythm a thing is timed. */
export interface Pace {
  /** Rounds that do not count: until both numbers are reached, and never more than `most`. */
  readonly warmUp: { readonly rounds: number; readonly ms: number; readonly most: number };
  /** Rounds that count: until the time is used up, within these numbers. */
  readonly rounds: { readonly least: number; readonly most: number; readonly budgetMs: number };
  /** Rounds that take so long are steady enough: then one of each kind will do. */
  readonly longMs: number;
  /** Before each round that counts, as long as the one before it took; 0 for none. */
  readonly longestPauseMs: number;
}

/** A stage mostly waits for others between two steps, and finds its caches colder than a loop would. */
export const cpuPace: Pace = {
  warmUp: { rounds: 1, ms: 0, most: 1 },
  rounds: { least: 3, most: 16, budgetMs: 250 },
  longMs: Number.POSITIVE_INFINITY,
  longestPauseMs: 10,
};

/**
 * A GPU has no cache that others could cool while a stage waits, but lowers its clock within milliseconds of rest and
 * takes longer to raise it; and its first runs choose and compile kernels. So it is kept at work.
 */
export const gpuPace: Pace = {
  warmUp: { rounds: 2, ms: 40, most: 8 },
  rounds: { least: 5, most: 24, budgetMs: 150 },
  longMs: 250,
  longestPauseMs: 0,
};

/** Rounds that timing one thing may take, warming up included. */
export function mostRounds({ warmUp, rounds }: Pace): number {
  return warmUp.most + rounds.most;
}

/**
 * Median of a round's milliseconds, as the rounds tell them.
 * @param before what the machine does before each round that counts
 */
export async function timeMedian(
  { warmUp, rounds, longMs, longestPauseMs }: Pace,
  round: () => Promise<number>,
  before: () => Promise<unknown> = () => Promise.resolve(),
): Promise<number> {
  let ms = 0;
  let warmMs = 0;
  for (
    let warm = 0;
    // The first may be long for what it compiles; several such are not.
    warm < warmUp.most && warmMs < 4 * longMs && (warm < warmUp.rounds || warmMs < warmUp.ms);
    warm++
  ) {
    ms = await round();
    warmMs += ms;
  }
  const times: number[] = [];
  let spentMs = 0;
  do {
    if (longestPauseMs > 0) Atomics.wait(cell, 0, 0, Math.min(ms, longestPauseMs));
    await before();
    ms = await round();
    times.push(ms);
    spentMs += ms;
  } while (
    ms < longMs &&
    (times.length < rounds.least || (times.length < rounds.most && spentMs < rounds.budgetMs))
  );
  return median(times);
}

const cell = new Int32Array(new SharedArrayBuffer(4));
