/** One measurement: how long some rows took. */
export interface TimedRows {
  readonly rows: number;
  readonly ms: number;
}

/** A time of `alphaMs + betaMs * rows`. */
export interface FittedTime {
  readonly alphaMs: number;
  readonly betaMs: number;
}

/**
 * The line with the least squares of relative error, so that one row is met as well as many. Neither part is
 * negative: noise may say so, hardware does not.
 */
export function fitLine(points: readonly TimedRows[]): FittedTime {
  let [weights, x, y, xx, xy] = [0, 0, 0, 0, 0];
  for (const { rows, ms } of points) {
    const weight = 1 / Math.max(ms, 1e-6) ** 2;
    weights += weight;
    x += weight * rows;
    y += weight * ms;
    xx += weight * rows * rows;
    xy += weight * rows * ms;
  }
  if (weights === 0) return { alphaMs: 0, betaMs: 0 };
  const spread = weights * xx - x * x;
  const betaMs = spread > 1e-9 * weights * xx ? (weights * xy - x * y) / spread : 0;
  const alphaMs = (y - betaMs * x) / weights;
  if (betaMs <= 0) return { alphaMs: y / weights, betaMs: 0 };
  return alphaMs >= 0 ? { alphaMs, betaMs } : { alphaMs: 0, betaMs: xy / xx };
}
