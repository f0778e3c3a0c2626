import { createHash, type Hash } from "node:crypto";
import { StagecoachError } from "../../common/errors.js";
import type { ModelSource, TensorInfo, TensorName } from "../source/model-source.js";

/**
 * Reads tensors and keeps the hash of all that went into a blob: `facts`, as JSON, and of every tensor its name,
 * encoding, shape and bytes. `tensor` throws NOT_FOUND for one that the source lacks, and when the signal aborts.
 */
export function hashingReader(
  { source, signal }: { readonly source: ModelSource; readonly signal: AbortSignal },
  facts: object,
) {
  const hash: Hash = createHash("sha256").update(JSON.stringify(facts));
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
