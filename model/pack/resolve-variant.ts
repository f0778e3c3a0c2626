import type { Variant } from "../store/manifest.js";

/**
 * The variant that is packed for what a user asked for. `auto` keeps a quantized source as it is, and takes
 * f32 where nothing was rounded yet.
 */
export function resolveVariant(asked: Variant | "auto", source: { readonly quantized: boolean }): Variant {
  if (asked !== "auto") return asked;
  return source.quantized ? "as-is" : "f32";
}
