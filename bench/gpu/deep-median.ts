import { median } from "../statistics.js";

/**
 * The median of every number in values of one form, the finite ones; what is not a number is the first one's. A list is
 * as long as the first one's.
 */
export function deepMedian<Value>(values: readonly [Value, ...Value[]]): Value {
  return medianOf(values) as Value;
}

function medianOf([first, ...others]: readonly unknown[]): unknown {
  const all = [first, ...others];
  if (typeof first === "number") return median(all.filter((each) => Number.isFinite(each)) as number[]);
  if (Array.isArray(first)) {
    return first.map((_, index) => medianOf(all.map((each) => (each as readonly unknown[])[index])));
  }
  if (typeof first !== "object" || first === null) return first;
  const keys = Object.keys(first);
  return Object.fromEntries(
    keys.map((key) => [
      key,
      medianOf(all.flatMap((each) => (isRecord(each) && key in each ? [each[key]] : []))),
    ]),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
