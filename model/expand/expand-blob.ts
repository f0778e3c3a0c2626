import { StagecoachError } from "../../common/errors.js";
import { float32ToFloat16 } from "../../common/half-float.js";
import { BlobWriter } from "../store/blob-writer.js";
import { requireFreeSpace } from "../store/disk.js";
import type { Blob, PackedProduct, PackedTensor } from "../store/manifest.js";
import { tensorAlignmentBytes } from "../store/manifest-file.js";
import type { ModelStore } from "../store/model-store.js";
import { BlobReader } from "./blob-reader.js";
import { weightRows } from "./weight-rows.js";
import { expandedBytes, vectorsOf } from "./weight-sizes.js";

/** What is held as floats at once; one step of a product is never parted. */
const stretchBytes = 16 * 2 ** 20;

/** A blob to expand. */
export interface Expansion {
  readonly store: ModelStore;
  readonly blob: Blob;
  /** The unfinished file's name. */
  readonly partialName: string;
  readonly signal?: AbortSignal | undefined;
  /** Bytes of the new blob that are written. */
  readonly onBytes?: ((doneBytes: number) => void) | undefined;
}

/**
 * Writes a blob's products anew as f16, dense: each weight is the nearest f32 to what is stored, and then the nearest
 * f16. Vectors stay as they are. At most one product's packed weights and a stretch of floats are held at once.
 * @returns the new blob, of the same role and layer
 * @throws StagecoachError DATA_LOSS when the blob is not what it says, RESOURCE_EXHAUSTED when the disk is too full,
 * FAILED_PRECONDITION for a weight that f16 does not reach
 */
export async function expandBlob(expansion: Expansion): Promise<Blob> {
  const { store, blob, partialName } = expansion;
  const neededBytes = expandedBytes(blob);
  await requireFreeSpace(store.disk, store.home.blobs, neededBytes);
  const reader = await BlobReader.open(store.blobPath(blob.sha256), blob);
  try {
    const writer = await BlobWriter.create(store.disk, store.home.blobs, neededBytes, partialName);
    try {
      const content = await fill(expansion, reader, writer);
      return { ...blob, ...(await writer.finish()), ...content };
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  } finally {
    await reader.close();
  }
}

async function fill(
  { blob, signal, onBytes }: Expansion,
  reader: BlobReader,
  writer: BlobWriter,
): Promise<Pick<Blob, "tensors" | "products">> {
  const tensors: PackedTensor[] = [];
  const begin = async (): Promise<number> => {
    await writer.align(tensorAlignmentBytes);
    return writer.offsetBytes;
  };
  for (const tensor of vectorsOf(blob)) {
    const offsetBytes = await begin();
    await writer.write(new Uint8Array(await reader.read(tensor)));
    tensors.push({ ...tensor, offsetBytes });
  }
  const products: PackedProduct[] = [];
  for (const product of blob.products) {
    const { name, inputSize, outputSize, bias } = product;
    const matrix = await weightRows(reader, product, { embedding: blob.role === "embed" });
    const { rows, rowLength, transposed, step } = matrix;
    const offsetBytes = await begin();
    const stretch = step * Math.max(1, Math.floor(stretchBytes / (4 * rowLength * step)));
    for (let first = 0; first < rows; first += stretch) {
      signal?.throwIfAborted();
      const values = await matrix.read(first, Math.min(stretch, rows - first));
      await writer.write(halvesOf(values, `product ${name} of blob ${blob.sha256}`));
      onBytes?.(writer.offsetBytes);
    }
    const weight = `${name}.weight`;
    const sizeBytes = writer.offsetBytes - offsetBytes;
    tensors.push({ name: weight, dtype: "f16", shape: [rows, rowLength], offsetBytes, sizeBytes });
    products.push({
      encoding: "dense",
      ...{ name, inputSize, outputSize, weight, transposed },
      ...(bias !== undefined && { bias }),
    });
  }
  return { tensors, products };
}

const infinity = 0x7c00;

function halvesOf(values: Float32Array, what: string): Uint8Array {
  const halves = float32ToFloat16(values);
  for (let at = 0; at < halves.length; at++) {
    if (((halves[at] as number) & 0x7fff) < infinity) continue;
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `${what} has a weight of ${values[at]}, which f16 cannot hold: take --gpu-weights packed on this worker, or --device cpu`,
    );
  }
  return new Uint8Array(halves.buffer, halves.byteOffset, halves.byteLength);
}
