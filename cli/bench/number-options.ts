import { InvalidArgumentError } from "commander";

/** A whole number from 1 to a million, for an option. */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0 && value <= 1_000_000) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no whole number from 1 to 1000000.`);
}

/** A number above 0, up to a million, for an option. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (value > 0 && value <= 1_000_000) return value;
  throw new InvalidArgumentError(`${JSON.stringify(text)} is no number above 0, up to 1000000.`);
}

/** Whole numbers with commas between them, ascending, for an option. */
export function integerList(text: string): number[] {
  const values = text.split(",").map((part) => positiveInteger(part.trim()));
  return [...new Set(values)].sort((a, b) => a - b);
}
