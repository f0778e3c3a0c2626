import { float16ToFloat32 } from "../../common/half-float.js";
import type { PackedProduct } from "../store/manifest.js";
import type { BlobReader } from "./blob-reader.js";
import { blockedColumns, blockedRows } from "./blocked-rows.js";
import { integerRows } from "./integer-rows.js";

/** A product's weights as floats, row by row, in the layout of a dense product. */
export interface WeightRows {
  /** `[rows, rowLength]` is `[inputs, outputs]`, or the other way round where it is `transposed`. */
  readonly rows: number;
  readonly rowLength: number;
  readonly transposed: boolean;
  /** Rows are read from a multiple of this on, so many of them or a multiple of it; fewer only at the end. */
  readonly step: number;
  /** Rows `[first, first + count)`, each weight the nearest f32 to what is stored. */
  read(first: number, count: number): Promise<Float32Array>;
}

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
