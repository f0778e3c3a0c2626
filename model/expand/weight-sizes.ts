import type { Blob, PackedProduct, PackedTensor } from "../store/manifest.js";
import { tensorAlignmentBytes } from "../store/manifest-file.js";

/** Bytes of a blob's weights on a device that keeps floats as f16, whichever the blob has: they are converted at load. */
export function heldBytes({ tensors }: Pick<Blob, "tensors">): number {
  return tensors.reduce(
    (sum, { dtype, sizeBytes }) => sum + (dtype === "f32" ? sizeBytes / 2 : sizeBytes),
    0,
  );
}

/** Bytes of a blob when `expandBlob` has written its products as f16, at most. */
export function expandedBytes(blob: Pick<Blob, "tensors" | "products">): number {
  const vectors = vectorsOf(blob);
  const vectorBytes = vectors.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const weights = blob.products.reduce((sum, { inputSize, outputSize }) => sum + inputSize * outputSize, 0);
  return 2 * weights + vectorBytes + (vectors.length + blob.products.length) * tensorAlignmentBytes;
}

/** Tensors that are no product's weights: norms and biases. */
export function vectorsOf({ tensors, products }: Pick<Blob, "tensors" | "products">): PackedTensor[] {
  const weights = new Set(products.flatMap(weightTensors));
  return tensors.filter(({ name }) => !weights.has(name));
}

function weightTensors(product: PackedProduct): string[] {
  switch (product.encoding) {
    case "dense":
      return [product.weight];
    case "blocked":
      return [product.quants, product.scales, ...(product.offsets === undefined ? [] : [product.offsets])];
    case "w8a8":
      return [product.weight, product.scales];
  }
}
