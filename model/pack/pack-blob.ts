import { createHash, type Hash } from "node:crypto";
import { StagecoachError } from "../../common/errors.js";
import type { ModelSource, TensorInfo, TensorName } from "../source/model-source.js";
import type { BlobWriter } from "../store/blob-writer.js";
import type { PackedProduct, PackedTensor, Variant } from "../store/manifest.js";
import { tensorAlignmentBytes } from "../store/manifest-file.js";
import type { ModelStore } from "../store/model-store.js";
import type { JournalEntry } from "../store/pack-journal.js";
import { type BlobRecipe, tensorsOf } from "./blob-recipes.js";
import { encodeProduct, encodeVector } from "./encode-product.js";
import type { EncodedTensor } from "./encoded-product.js";

/** Grows with every change of what the packer writes for the same input. */
const packerVersion = 1;

/** A blob to be made. */
export interface BlobOrder {
  readonly source: ModelSource;
  readonly store: ModelStore;
  readonly recipe: BlobRecipe;
  readonly variant: Variant;
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
  const read = hashingReader(order);
  for (const tensor of tensorsOf(order.recipe)) await read.tensor(tensor);
  return read.digest();
}

async function fillBlob(order: BlobOrder, writer: BlobWriter): Promise<JournalEntry> {
  const { recipe, variant } = order;
  const read = hashingReader(order);
  const tensors: PackedTensor[] = [];
  const products: PackedProduct[] = [];
  const write = async (tensor: EncodedTensor) => {
    tensors.push(await writeTensor(writer, tensor));
  };

  for (const { name, tensor } of recipe.vectors) {
    const { info, bytes } = await read.tensor(tensor);
    await write(encodeVector(name, info, bytes));
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

async function writeTensor(writer: BlobWriter, tensor: EncodedTensor): Promise<PackedTensor> {
  await writer.align(tensorAlignmentBytes);
  const { name, dtype, shape, data } = tensor;
  const offsetBytes = writer.offsetBytes;
  await writer.write(data);
  return { name, dtype, shape, offsetBytes, sizeBytes: data.length };
}

function hashingReader({ source, variant, signal }: Pick<BlobOrder, "source" | "variant" | "signal">) {
  const hash: Hash = createHash("sha256").update(JSON.stringify({ packerVersion, variant }));
  return {
    async tensor(name: TensorName): Promise<{ info: TensorInfo; bytes: Uint8Array }> {
      const info = source.tensor(name);
      if (info === undefined) {
        throw new StagecoachError("NOT_FOUND", `${source.origin.name} has no tensor ${name}`);
      }
      const bytes = await source.read(name);
      if (signal.aborted) throw StagecoachError.from(signal.reason, "CANCELLED");
      hash.update(JSON.stringify([info.name, info.shape, info.encoding, bytes.length]));
      updateInPieces(hash, bytes);
      return { info, bytes };
    },
    digest: () => hash.digest("hex"),
  };
}

// Node refuses 2 GiB and more at once.
function updateInPieces(hash: Hash, bytes: Uint8Array): void {
  for (let start = 0; start < bytes.length; start += 2 ** 28)
    hash.update(bytes.subarray(start, start + 2 ** 28));
}

function toFloats({ info, bytes }: { info: TensorInfo; bytes: Uint8Array }): Float32Array {
  const { data } = encodeVector(info.name, info, bytes);
  return new Float32Array(data.slice().buffer);
}
