import { float16ToFloat32 } from "../../common/half-float.js";
import type { PackedProduct } from "../store/manifest.js";
import type { BlobReader } from "./blob-reader.js";
import { blockedColumns, blockedRows } from "./blocked-rows.js";
import { integerRows } from "./integer-rows.js";
import type { WeightRows } from "./readable-rows.js";

/**
 * The weights that a product stands for. Those of an embedding stay a row a token, for they are looked up as well.
 * @throws StagecoachError DATA_LOSS when its tensors have other sizes than it says
 */
export async function weightRows(
  reader: BlobReader,
  product: PackedProduct,
  { embedding }: { readonly embedding: boolean },
): Promise<WeightRows> {
  switch (product.encoding) {
    case "dense":
      return denseRows(reader, product);
    case "blocked":
      return embedding ? blockedRows(reader, product) : blockedColumns(reader, product);
    case "w8a8":
      return integerRows(reader, product);
  }
}

function denseRows(
  reader: BlobReader,
  { weight, inputSize, outputSize, transposed }: Extract<PackedProduct, { encoding: "dense" }>,
): WeightRows {
  const tensor = reader.tensor(weight, ["f32", "f16"], inputSize * outputSize);
  const [rows, rowLength] = transposed ? [outputSize, inputSize] : [inputSize, outputSize];
  const rowBytes = rowLength * (tensor.dtype === "f16" ? 2 : 4);
  return {
    rows,
    rowLength,
    transposed,
    step: 1,
    async read(first, count) {
      const bytes = await reader.read(tensor, first * rowBytes, count * rowBytes);
      return tensor.dtype === "f16" ? float16ToFloat32(new Uint16Array(bytes)) : new Float32Array(bytes);
    },
  };
}
