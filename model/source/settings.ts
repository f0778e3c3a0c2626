import { StagecoachError } from "../../common/errors.js";
import { quote } from "./quote.js";

/** The settings of a model file, whatever its format: GGUF metadata of one architecture, or a config.json. */
export interface Settings {
  /** How messages call a setting, e.g. `config.json "hidden_size"`. */
  readonly describe: (key: string) => string;
  /** Undefined when absent; null only where a file says null. */
  readonly get: (key: string) => unknown;
}

const largestCount = 2 ** 31 - 1;

/**
 * A whole number from 1 to 2^31 - 1, or undefined when absent or null.
 * @throws StagecoachError INVALID_ARGUMENT for anything else
 */
export function findCount(settings: Settings, key: string): number | undefined {
  const value = settings.get(key) ?? undefined;
  if (value === undefined) return undefined;
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= largestCount) {
    return value as number;
  }
  throw unsuitable(settings, key, value, `a whole number from 1 to ${largestCount}`);
}

/** Like findCount, but an absent setting is an error. */
export function getCount(settings: Settings, key: string): number {
  return findCount(settings, key) ?? missing(settings, key);
}

/**
 * A finite number above zero, or undefined when absent or null.
 * @throws StagecoachError INVALID_ARGUMENT for anything else
 */
export function findPositive(settings: Settings, key: string): number | undefined {
  const value = settings.get(key) ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value === "number" && value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw unsuitable(settings, key, value, "a finite number above zero");
}

/** Like findPositive, but an absent setting is an error. */
export function getPositive(settings: Settings, key: string): number {
  return findPositive(settings, key) ?? missing(settings, key);
}

/**
 * A text, or undefined when absent or null.
 * @throws StagecoachError INVALID_ARGUMENT for anything else
 */
export function findText(settings: Settings, key: string): string | undefined {
  const value = settings.get(key) ?? undefined;
  if (value === undefined || typeof value === "string") return value;
  throw unsuitable(settings, key, value, "a text");
}

/**
 * A truth value, or undefined when absent or null.
 * @throws StagecoachError INVALID_ARGUMENT for anything else
 */
export function findFlag(settings: Settings, key: string): boolean | undefined {
  const value = settings.get(key) ?? undefined;
  if (value === undefined || typeof value === "boolean") return value;
  throw unsuitable(settings, key, value, "true or false");
}

/** The error for a setting that is there but cannot be used. */
export function unsuitable(settings: Settings, key: string, value: unknown, wanted: string): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `${settings.describe(key)} is ${show(value)} and should be ${wanted}`,
    { details: { key } },
  );
}

/** A value as a message shows it. */
export function show(value: unknown): string {
  if (ArrayBuffer.isView(value) || Array.isArray(value)) return "a list";
  if (typeof value === "string") return quote(value);
  return typeof value === "object" && value !== null ? quote(JSON.stringify(value)) : String(value);
}

function missing(settings: Settings, key: string): never {
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${settings.describe(key)} is missing: the model is incomplete, or was converted by an old program`,
    { details: { key } },
  );
}
