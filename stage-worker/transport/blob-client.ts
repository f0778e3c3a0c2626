import { credentials } from "@grpc/grpc-js";
import { StagecoachError } from "../../common/errors.js";
import { channelOptions } from "../../common/grpc-options.js";
import { v1 } from "../../common/proto.js";
import type { BlobChunk__Output } from "../../proto/gen/stagecoach/v1/BlobChunk.js";
import type { ClusterClient } from "../../proto/gen/stagecoach/v1/Cluster.js";

/** Streams blobs from a Cluster service. */
export class BlobClient {
  readonly #address: string;
  readonly #client: ClusterClient;

  constructor(address: string) {
    this.#address = address;
    this.#client = new v1.Cluster(address, credentials.createInsecure(), channelOptions);
  }

  /**
   * A blob's bytes from an offset on.
   * @throws StagecoachError DATA_LOSS when the sender's blob has another size than the manifest says; what
   * the sender answered otherwise
   */
  async *read(
    blob: { sha256: string; sizeBytes: number },
    offsetBytes: number,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    const call = this.#client.getBlob({ sha256: blob.sha256, offsetBytes });
    const cancel = (): void => call.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      for await (const { totalBytes, data } of call as AsyncIterable<BlobChunk__Output>) {
        if (totalBytes !== blob.sizeBytes) throw this.#wrongSize(blob, totalBytes);
        yield data;
      }
    } catch (reason) {
      signal.throwIfAborted();
      throw this.#explain(blob.sha256, reason);
    } finally {
      signal.removeEventListener("abort", cancel);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #wrongSize({ sha256, sizeBytes }: { sha256: string; sizeBytes: number }, totalBytes: number) {
    const message = `blob ${sha256} has ${totalBytes} bytes there, the manifest says ${sizeBytes}`;
    return new StagecoachError("DATA_LOSS", message);
  }

  #explain(sha256: string, reason: unknown): StagecoachError {
    const { code, message } = StagecoachError.from(reason);
    return new StagecoachError(code, `fetching blob ${sha256} from ${this.#address} failed: ${message}`, {
      cause: reason,
    });
  }
}
