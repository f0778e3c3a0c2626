import type { Manifest } from "../store/manifest.js";

/** How a stage keeps keys and values: as they are, or rounded where the activations are, too. */
export type KvForm = "f32" | "int8";

/** Bytes of a token's keys and values in one layer; `int8` has an f32 scale a head beside its levels. */
export function kvTokenBytes(
  { kvHeadCount, headSize }: Pick<Manifest["config"], "kvHeadCount" | "headSize">,
  form: KvForm | "f16",
): number {
  const perHead = form === "int8" ? headSize + 4 : headSize * (form === "f16" ? 2 : 4);
  return 2 * kvHeadCount * perHead;
}

/** Models whose layers multiply integers (`w8a8`) attend to integers. */
export function kvForm({ blobs }: Manifest): KvForm {
  const integers = blobs.some(
    ({ role, products }) => role === "layer" && products.some(({ encoding }) => encoding === "w8a8"),
  );
  return integers ? "int8" : "f32";
}
