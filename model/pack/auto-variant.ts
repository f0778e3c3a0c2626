import type { Manifest } from "../store/manifest.js";

/** KL from the exact model up to which `auto` serves rounded weights: llama.cpp's own quantized runs reach 0.0036 to 0.005. */
const mostKl = 0.005;

/**
 * The variants that `auto` stands for, the fastest first; the last one is exactly what the source says: its own
 * quantization, or f32 where nothing was rounded yet.
 */
export function autoVariants(source: { readonly quantized: boolean }): readonly ["int8", "as-is" | "f32"] {
  return ["int8", source.quantized ? "as-is" : "f32"];
}

/**
 * Whether `auto` may serve a packed variant: `int8`, which is measured when it is packed, must be close to the exact
 * model. Judged by KL alone, since the share of equal tokens depends on how many near ties a text has.
 */
export function closeEnough({ variant, quality }: Pick<Manifest, "variant" | "quality">): boolean {
  return variant !== "int8" || (quality !== undefined && quality.klMean <= mostKl);
}

/** A line about a measured variant; undefined for one that was not measured. */
export function describeQuality({ model, variant, quality }: Manifest): string | undefined {
  if (quality === undefined) return undefined;
  const { steps, sameToken, klMean, marginChange } = quality;
  const { median, p99, max } = marginChange;
  return (
    `${model}:${variant} against the exact model, ${steps} steps of held-out text: same token ` +
    `${(100 * sameToken).toFixed(1)} %, KL ${klMean.toFixed(4)}, margin change ` +
    `${median.toFixed(2)} / ${p99.toFixed(2)} / ${max.toFixed(2)} (median / p99 / largest)`
  );
}
