import type { BlobWriter } from "../store/blob-writer.js";
import type { PackedTensor } from "../store/manifest.js";
import { tensorAlignmentBytes } from "../store/manifest-file.js";
import type { EncodedTensor } from "./encoded-product.js";

/** Appends a tensor to a blob, where ONNX Runtime can map it. */
export async function writeTensor(writer: BlobWriter, tensor: EncodedTensor): Promise<PackedTensor> {
  await writer.align(tensorAlignmentBytes);
  const { name, dtype, shape, data } = tensor;
  const offsetBytes = writer.offsetBytes;
  await writer.write(data);
  return { name, dtype, shape, offsetBytes, sizeBytes: data.length };
}
