import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { StagecoachError } from "../../common/errors.js";

/** The most that one read asks for; the system takes no more than 2^31 - 1 bytes at once. */
const readLimitBytes = 2 ** 30;

/** A file open for reading, with the size it had when it was opened. */
export class OpenFile {
  readonly path: string;
  /** The file's name without its folder, as messages call it. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly #handle: FileHandle;

  private constructor(path: string, sizeBytes: number, handle: FileHandle) {
    this.path = path;
    this.name = basename(path);
    this.sizeBytes = sizeBytes;
    this.#handle = handle;
  }

  /**
   * @throws StagecoachError NOT_FOUND, PERMISSION_DENIED, or INVALID_ARGUMENT for what is not a file.
   */
  static async open(path: string): Promise<OpenFile> {
    const handle = await open(path, "r").catch((reason: unknown) => {
      const error = StagecoachError.from(reason);
      throw new StagecoachError(error.code, `cannot open ${path}: ${error.message}`, { cause: reason });
    });
    try {
      const stats = await handle.stat();
      if (!stats.isFile()) throw new StagecoachError("INVALID_ARGUMENT", `${path} is not a file`);
      return new OpenFile(path, stats.size, handle);
    } catch (reason) {
      await handle.close();
      throw StagecoachError.from(reason);
    }
  }

  /** For synchronous reads of headers. */
  get descriptor(): number {
    return this.#handle.fd;
  }

  /**
   * Bytes from `offsetBytes` on, in memory of their own.
   * @throws StagecoachError DATA_LOSS when the file ends before.
   */
  async read(offsetBytes: number, lengthBytes: number): Promise<Uint8Array> {
    if (offsetBytes + lengthBytes > this.sizeBytes) throw this.#endsEarly(offsetBytes, lengthBytes);
    const bytes = new Uint8Array(lengthBytes);
    for (let done = 0; done < lengthBytes; ) {
      const want = Math.min(readLimitBytes, lengthBytes - done);
      const { bytesRead } = await this.#handle.read(bytes, done, want, offsetBytes + done);
      if (bytesRead === 0) throw this.#endsEarly(offsetBytes, lengthBytes);
      done += bytesRead;
    }
    return bytes;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  #endsEarly(offsetBytes: number, lengthBytes: number): StagecoachError {
    return new StagecoachError(
      "DATA_LOSS",
      `${this.name} ends before byte ${offsetBytes + lengthBytes}: it is cut off, download it again`,
      { details: { path: this.path, offsetBytes, lengthBytes } },
    );
  }
}
