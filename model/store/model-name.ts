import { StagecoachError } from "../../common/errors.js";
import { type Variant, variants } from "./manifest.js";

/** Short names for models that stagecoach knows, and the names that the store keeps them under. */
const aliases: Readonly<Record<string, string>> = {
  smollm2: "smollm2-135m-instruct",
};

/** A model in the store: `smollm2-135m-instruct`, and, where the user gave one, which variant of it. */
export interface ModelName {
  readonly name: string;
  readonly variant?: Variant;
}

const namePattern = /^[a-z0-9][a-z0-9._-]{0,119}$/;

/** Whether `text` may name a model in the store, and so a folder of it. */
export function isModelName(text: string): boolean {
  return namePattern.test(text);
}

/** Whether `text` is a variant's name. */
export function isVariant(text: string): text is Variant {
  return (variants as readonly string[]).includes(text);
}

/**
 * Reads `NAME` or `NAME:VARIANT`, in any case; aliases become the names that they stand for.
 *
 * @throws StagecoachError INVALID_ARGUMENT naming what is wrong.
 */
export function parseModelName(text: string): ModelName {
  const colon = text.indexOf(":");
  const name = (colon < 0 ? text : text.slice(0, colon)).toLowerCase();
  if (!isModelName(name)) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${JSON.stringify(text.slice(0, 200))} is no model's name: names have letters, digits, ".", "_" and "-", ` +
        'and may end in ":" and a variant, such as smollm2:f32; `stagecoach list` shows those in the store',
    );
  }
  const canonical = aliases[name] ?? name;
  if (colon < 0) return { name: canonical };
  const variant = text.slice(colon + 1).toLowerCase();
  if (!isVariant(variant)) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `"${variant.slice(0, 80)}" is no variant: give one of ${variants.join(", ")}, such as ${name}:as-is`,
    );
  }
  return { name: canonical, variant };
}

/** A name made from a file's or repository's: `Qwen2.5-0.5B Q8_0` becomes `qwen2.5-0.5b-q8_0`. */
export function modelNameFrom(text: string): string {
  const name = text
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[^a-z0-9]+/, "")
    .slice(0, 120);
  return name === "" ? "model" : name;
}
