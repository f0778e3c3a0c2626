import type { ModelSource, TensorInfo } from "../source/model-source.js";
import type { BlobWriter } from "../store/blob-writer.js";
import type { PackedProduct, PackedTensor } from "../store/manifest.js";
import type { ModelStore } from "../store/model-store.js";
import type { JournalEntry } from "../store/pack-journal.js";
import { type BlobRecipe, tensorsOf } from "./blob-recipes.js";
import { encodeProduct, encodeVector } from "./encode-product.js";
import { encodeFloats } from "./encode-product-dense.js";
import type { EncodedTensor, PlainVariant } from "./encoded-product.js";
import { hashingReader } from "./hashing-reader.js";
import { writeTensor } from "./write-tensor.js";

/** Grows with every change of what the packer writes for the same input. */
const packerVersion = 1;

/** A blob to be made. */
export interface BlobOrder {
  readonly source: ModelSource;
  readonly store: ModelStore;
  readonly recipe: BlobRecipe;
  readonly variant: PlainVariant;
  /** About what this and the following blobs need, for a full disk's error. */
  readonly neededBytes: number;
  readonly signal: AbortSignal;
}

/** Reads, encodes and writes one blob, holding one product at a time. */
export async function packBlob(order: BlobOrder): Promise<JournalEntry> {
  const writer = await order.store.createBlob(order.neededBytes);
  try {
    return await fillBlob(order, writer);
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/**
 * The hash of everything that decides a blob's bytes: the packer, the variant, and the names, encodings,
 * shapes and bytes of its tensors. The same as packing it reports.
 */
export async function inputsHash(order: Pick<BlobOrder, "source" | "recipe" | "variant" | "signal">) {
  const read = hashingReader(order, { packerVersion, variant: order.variant });
  for (const tensor of tensorsOf(order.recipe)) await read.tensor(tensor);
  return read.digest();
}

async function fillBlob(order: BlobOrder, writer: BlobWriter): Promise<JournalEntry> {
  const { recipe, variant } = order;
  const read = hashingReader(order, { packerVersion, variant: order.variant });
  const tensors: PackedTensor[] = [];
  const products: PackedProduct[] = [];
  const write = async (tensor: EncodedTensor) => {
    tensors.push(await writeTensor(writer, tensor));
  };

  for (const { name, tensor } of recipe.vectors) {
    const { info, bytes } = await read.tensor(tensor);
    await write(encodeVector(name, info, bytes, variant));
  }
  for (const { name, parts, embedding } of recipe.products) {
    const loaded = [];
    for (const part of parts) {
      const weight = await read.tensor(part.tensor);
      const bias = part.bias === undefined ? undefined : toFloats(await read.tensor(part.bias));
      loaded.push({ name: part.name, ...weight, ...(bias === undefined ? {} : { bias }) });
    }
    for (const encoded of encodeProduct(name, loaded, variant, { embedding })) {
      products.push(encoded.product);
      for (const tensor of encoded.tensors) await write(tensor);
    }
  }
  const id = await writer.finish();
  const { role, layer } = recipe;
  const blob = { role, ...(layer === undefined ? {} : { layer }), ...id, tensors, products };
  return { blob, inputs: read.digest() };
}

function toFloats({ info, bytes }: { info: TensorInfo; bytes: Uint8Array }): Float32Array {
  return new Float32Array(encodeFloats(info.name, info, bytes).data.slice().buffer);
}
