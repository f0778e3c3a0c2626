import { float32ToFloat16 } from "../../common/half-float.js";
import type { RoundedProduct } from "../quantize/calibration-walk.js";
import { rotateResidual } from "../quantize/rotate-residual.js";
import type { BlobWriter } from "../store/blob-writer.js";
import type { Blob, PackedProduct, PackedTensor } from "../store/manifest.js";
import { tensorAlignmentBytes } from "../store/manifest-file.js";
import type { ModelStore } from "../store/model-store.js";
import { floatTensor } from "./encode-product-dense.js";
import type { EncodedTensor } from "./encoded-product.js";
import { readRows, type StoredMatrix, stretches } from "./read-rows.js";
import { writeTensor } from "./write-tensor.js";

/** Tensors and products of a blob as they were written. */
type Content = Pick<Blob, "tensors" | "products">;

/** Writes a blob, or nothing when `fill` fails. */
export async function writeBlob(
  store: ModelStore,
  neededBytes: number,
  place: Pick<Blob, "role" | "layer">,
  fill: (writer: BlobWriter) => Promise<Content>,
): Promise<Blob> {
  const writer = await store.createBlob(neededBytes);
  try {
    const content = await fill(writer);
    return { ...place, ...(await writer.finish()), ...content };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** The embedding, turned into the residual stream's coordinates, in halves. */
export async function writeEmbedding(writer: BlobWriter, matrix: StoredMatrix): Promise<Content> {
  const [rows, rowLength] = [matrix.info.shape[0] ?? 0, matrix.info.shape[1] ?? 0];
  await writer.align(tensorAlignmentBytes);
  const offsetBytes = writer.offsetBytes;
  for (const [first, count] of stretches(rows, rowLength)) {
    const values = readRows(matrix, first, count);
    rotateResidual(values, rowLength);
    await writer.write(new Uint8Array(float32ToFloat16(values).buffer));
  }
  const sizeBytes = writer.offsetBytes - offsetBytes;
  const shape = [rows, rowLength];
  return {
    tensors: [{ name: "embed.weight", dtype: "f16", shape, offsetBytes, sizeBytes }],
    products: [
      {
        encoding: "dense",
        name: "embed",
        inputSize: rowLength,
        outputSize: rows,
        weight: "embed.weight",
        transposed: true,
      },
    ],
  };
}

/** Vectors of ones, whose values went into the products, and products. */
export async function writeProducts(
  writer: BlobWriter,
  ones: readonly string[],
  hiddenSize: number,
  rounded: readonly RoundedProduct[],
): Promise<Content> {
  const tensors: PackedTensor[] = [];
  const products: PackedProduct[] = [];
  for (const name of ones) {
    const gain = floatTensor(name, [hiddenSize], new Float32Array(hiddenSize).fill(1));
    tensors.push(await writeTensor(writer, gain));
  }
  for (const { shape, weights } of rounded) {
    const { name, inputSize, outputSize, bias, hadamard } = shape;
    const encoded = [
      levelTensor(`${name}.weight`, [inputSize, outputSize], weights.levels),
      floatTensor(`${name}.scales`, [outputSize], weights.scales),
      ...(bias ? [floatTensor(`${name}.bias`, [outputSize], bias)] : []),
    ];
    for (const tensor of encoded) tensors.push(await writeTensor(writer, tensor));
    products.push({
      encoding: "w8a8",
      name,
      inputSize,
      outputSize,
      weight: `${name}.weight`,
      scales: `${name}.scales`,
      ...(hadamard !== undefined && hadamard > 1 && { hadamard }),
      ...(bias && { bias: `${name}.bias` }),
    });
  }
  return { tensors, products };
}

function levelTensor(name: string, shape: number[], levels: Int8Array): EncodedTensor {
  return {
    name,
    dtype: "i8",
    shape,
    data: new Uint8Array(levels.buffer, levels.byteOffset, levels.byteLength),
  };
}
