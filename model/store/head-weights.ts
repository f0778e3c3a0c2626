import type { Manifest } from "./manifest.js";

/** Whether the head multiplies with the embedding's blob: it is tied, and has no product of its own. */
export function headUsesEmbedding({ config, blobs }: Pick<Manifest, "config" | "blobs">): boolean {
  const head = blobs.find(({ role }) => role === "head");
  return config.tiedEmbedding && !head?.products.some(({ name }) => name === "head");
}
