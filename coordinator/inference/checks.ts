import { StagecoachError } from "../../common/errors.js";

/** A refusal of one request parameter; `details.param` names it the way users write it. */
export function invalid(param: string, message: string, reason?: string): StagecoachError {
  const details = reason === undefined ? { param } : { param, reason };
  return new StagecoachError("INVALID_ARGUMENT", message, { details });
}

/** Inclusive bounds, unless `above` (exclusive) stands in for `min`. */
export interface Range {
  readonly min?: number;
  readonly above?: number;
  readonly max: number;
}

/** @throws StagecoachError INVALID_ARGUMENT for NaN, infinities and what lies outside */
export function checkNumber(param: string, value: number, range: Range): number {
  const lowEnough = value <= range.max;
  const highEnough = range.above === undefined ? value >= (range.min ?? -range.max) : value > range.above;
  if (lowEnough && highEnough) return value;
  throw invalid(param, `${param} is ${shown(value)}: give a number ${rangeText(range)}`);
}

/** @throws StagecoachError INVALID_ARGUMENT for what is no whole number or lies outside */
export function checkInteger(param: string, value: number, min: number, max: number): number {
  if (Number.isSafeInteger(value) && value >= min && value <= max) return value;
  throw invalid(param, `${param} is ${shown(value)}: give a whole number from ${min} to ${max}`);
}

/** @throws StagecoachError INVALID_ARGUMENT for half of a surrogate pair, which UTF-8 cannot carry */
export function checkText(param: string, text: string): string {
  const at = text.search(/\p{Surrogate}/u);
  if (at < 0) return text;
  const unit = text.charCodeAt(at).toString(16);
  throw invalid(
    param,
    `${param} is not valid Unicode: half of a surrogate pair (\\u${unit}) at position ${at}; remove it`,
  );
}

/** A value for a message: as JSON where it can be, cut to a readable length. */
export function shown(value: unknown): string {
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

function rangeText({ min, above, max }: Range): string {
  return above === undefined ? `from ${min ?? -max} to ${max}` : `above ${above}, up to ${max}`;
}
