/** One thing that a benchmark is to reach. */
export interface Figure {
  readonly name: string;
  readonly bound: "at least" | "at most";
  readonly target: number;
  /** NaN where it could not be measured. */
  readonly reached: number;
  /** `x` for ratios, else a unit such as `ms`. */
  readonly unit: string;
  /** The values that it is made of, in words. */
  readonly detail: string;
}

/** A figure that should not be below its target. */
export function atLeast(target: number, figure: Omit<Figure, "bound" | "target">): Figure {
  return { bound: "at least", target, ...figure };
}

/** A figure that should not be above its target. */
export function atMost(target: number, figure: Omit<Figure, "bound" | "target">): Figure {
  return { bound: "at most", target, ...figure };
}

/** Whether it was reached. */
export function verdictOf({ bound, target, reached }: Figure): "reached" | "missed" | "not measured" {
  if (!Number.isFinite(reached)) return "not measured";
  return (bound === "at least" ? reached >= target : reached <= target) ? "reached" : "missed";
}

/** `at least 1.7x`, `0.42 ms`. */
export function withUnit(value: number, unit: string): string {
  if (!Number.isFinite(value)) return "–";
  const text =
    Math.abs(value) >= 1000
      ? Math.round(value).toLocaleString("en-US")
      : String(Number(value.toPrecision(3)));
  return unit === "x" ? `${text}x` : `${text} ${unit}`.trim();
}
