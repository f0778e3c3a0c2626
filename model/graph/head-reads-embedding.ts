import type { Manifest } from "../store/manifest.js";

/** Whether the head multiplies with the embedding's table, having no product of its own. */
export function headReadsEmbedding({ blobs }: Manifest): boolean {
  return !blobs.some(({ role, products }) => role === "head" && products.some(({ name }) => name === "head"));
}
