import { open } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import type { RoundedWeights } from "../quantize/round-weights.js";
import type { Blob } from "../store/manifest.js";
import type { ModelStore } from "../store/model-store.js";

/**
 * A product's weights back from a blob.
 * @throws StagecoachError DATA_LOSS when the blob has no such product or ends early.
 */
export async function readRounded(store: ModelStore, blob: Blob, name: string): Promise<RoundedWeights> {
  const file = await open(store.blobPath(blob.sha256));
  try {
    const read = async (tensorName: string): Promise<ArrayBuffer> => {
      const tensor = blob.tensors.find((candidate) => candidate.name === tensorName);
      const bytes = new Uint8Array(tensor?.sizeBytes ?? 0);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, tensor?.offsetBytes);
      if (tensor === undefined || bytesRead < bytes.length) throw incomplete(blob, tensorName);
      return bytes.buffer;
    };
    return {
      levels: new Int8Array(await read(`${name}.weight`)),
      scales: new Float32Array(await read(`${name}.scales`)),
    };
  } finally {
    await file.close();
  }
}

function incomplete({ sha256 }: Blob, tensor: string): StagecoachError {
  return new StagecoachError("DATA_LOSS", `blob ${sha256} lacks the tensor ${tensor}: pull the model again`);
}
