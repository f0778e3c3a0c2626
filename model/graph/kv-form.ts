import type { Manifest } from "../store/manifest.js";

/** How a stage keeps keys and values: as they are, or rounded where the activations are, too. */
export type KvForm = "f32" | "int8";

/** Models whose layers multiply integers (`w8a8`) attend to integers. */
export function kvForm({ blobs }: Manifest): KvForm {
  const integers = blobs.some(
    ({ role, products }) => role === "layer" && products.some(({ encoding }) => encoding === "w8a8"),
  );
  return integers ? "int8" : "f32";
}
