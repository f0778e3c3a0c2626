import { type FileHandle, open } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import type { Blob, PackedTensor } from "../store/manifest.js";

// Node refuses reads of 2 GiB and more.
const pieceBytes = 2 ** 30;

/** Reads parts of a blob's tensors. */
export class BlobReader {
  readonly #file: FileHandle;
  readonly #blob: Blob;

  /** @throws StagecoachError NOT_FOUND when the blob is not there */
  static async open(path: string, blob: Blob): Promise<BlobReader> {
    try {
      return new BlobReader(await open(path), blob);
    } catch (error) {
      throw StagecoachError.from(error);
    }
  }

  private constructor(file: FileHandle, blob: Blob) {
    this.#file = file;
    this.#blob = blob;
  }

  /**
   * A tensor that has as many elements as its use wants; asked before memory is taken for it.
   * @throws StagecoachError DATA_LOSS when there is none, or one of another type or size
   */
  tensor(name: string, dtypes: readonly PackedTensor["dtype"][], elements: number): PackedTensor {
    const tensor = this.#blob.tensors.find((candidate) => candidate.name === name);
    if (tensor === undefined) throw this.#damaged(`has no tensor ${name}`);
    const held = tensor.shape.reduce((product, size) => product * size, 1);
    if (dtypes.includes(tensor.dtype) && held === elements) return tensor;
    const wanted = `${elements} of ${dtypes.join(" or ")}`;
    throw this.#damaged(`has ${held} elements of ${tensor.dtype} as ${name}, not ${wanted}`);
  }

  /**
   * Bytes of a tensor, in memory of their own.
   * @throws StagecoachError DATA_LOSS when the blob ends before them
   */
  async read(tensor: PackedTensor, firstByte = 0, sizeBytes = tensor.sizeBytes): Promise<ArrayBuffer> {
    const bytes = new Uint8Array(sizeBytes);
    for (let done = 0; done < sizeBytes; ) {
      const length = Math.min(pieceBytes, sizeBytes - done);
      const position = tensor.offsetBytes + firstByte + done;
      const { bytesRead } = await this.#file.read(bytes, done, length, position);
      if (bytesRead === 0) throw this.#damaged(`ends inside its tensor ${tensor.name}`);
      done += bytesRead;
    }
    return bytes.buffer;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #damaged(how: string): StagecoachError {
    return new StagecoachError("DATA_LOSS", `blob ${this.#blob.sha256} ${how}: pull the model again`);
  }
}
