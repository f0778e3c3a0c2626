import { readSync } from "node:fs";
import { StagecoachError } from "../../common/errors.js";
import type { OpenFile } from "./open-file.js";

const windowBytes = 2 ** 20;

/**
 * Reads little-endian values from the front of a file on, through a window of 1 MiB. Every length is
 * compared with what is left of the file before memory is taken for it.
 */
export class SequentialReader {
  readonly file: OpenFile;
  #window: Buffer;
  /** Offset of the window in the file, of the next byte in the window, and the bytes valid in it. */
  #windowOffset = 0;
  #next = 0;
  #filled = 0;

  readonly #endBytes: number;

  /** @param limitBytes as far as the reader goes, in a longer file. */
  constructor(file: OpenFile, limitBytes: number) {
    this.file = file;
    this.#endBytes = Math.min(file.sizeBytes, limitBytes);
    this.#window = Buffer.allocUnsafe(Math.min(windowBytes, this.#endBytes));
  }

  /** Where the next value starts in the file. */
  get offsetBytes(): number {
    return this.#windowOffset + this.#next;
  }

  get remainingBytes(): number {
    return this.#endBytes - this.offsetBytes;
  }

  uint32(what: string): number {
    const at = this.#need(4, what);
    return this.#window.readUInt32LE(at);
  }

  uint64(what: string): bigint {
    const at = this.#need(8, what);
    return this.#window.readBigUInt64LE(at);
  }

  /**
   * How many things of at least `minimumBytes` each follow.
   * @throws StagecoachError DATA_LOSS when the rest of the file cannot hold them.
   */
  count(what: string, minimumBytes: number): number {
    const count = this.uint64(what);
    if (count * BigInt(minimumBytes) <= BigInt(this.remainingBytes)) return Number(count);
    throw this.#tooLong(`${what} is ${count}, more than the ${this.remainingBytes} bytes after it can hold`);
  }

  /**
   * Text after its length in 64 bits. Bytes that are not UTF-8 become U+FFFD.
   * @throws StagecoachError DATA_LOSS when it is longer than the rest of the file.
   */
  string(what: string): string {
    const length = this.count(`the length of ${what}`, 1);
    const at = this.#need(length, what);
    return this.#window.toString("utf8", at, at + length);
  }

  /** Bytes in memory of their own. */
  bytes(length: number, what: string): Uint8Array {
    const at = this.#need(length, what);
    return new Uint8Array(this.#window.subarray(at, at + length));
  }

  /** An error that names the file. */
  error(code: "DATA_LOSS" | "INVALID_ARGUMENT", message: string): StagecoachError {
    const wayOut = code === "DATA_LOSS" ? ": the file is cut off or damaged, download it again" : "";
    return new StagecoachError(code, `${this.file.name}: ${message}${wayOut}`, {
      details: { path: this.file.path },
    });
  }

  #tooLong(message: string): StagecoachError {
    if (this.#endBytes === this.file.sizeBytes) {
      return this.error("DATA_LOSS", `${message}, and the file has ${this.#endBytes} in all`);
    }
    return this.error("INVALID_ARGUMENT", `${message}, and a header may have ${this.#endBytes}`);
  }

  /** Moves past `length` bytes and returns where in the window they start. */
  #need(length: number, what: string): number {
    if (length > this.remainingBytes) {
      throw this.#tooLong(`${what} takes ${length} bytes at byte ${this.offsetBytes}`);
    }
    if (this.#next + length > this.#filled) this.#fill(length);
    const at = this.#next;
    this.#next += length;
    return at;
  }

  #fill(length: number): void {
    this.#windowOffset += this.#next;
    this.#next = 0;
    if (length > this.#window.length) this.#window = Buffer.allocUnsafe(length);
    this.#filled = 0;
    while (this.#filled < length) {
      const position = this.#windowOffset + this.#filled;
      const space = this.#window.length - this.#filled;
      const read = readSync(this.file.descriptor, this.#window, this.#filled, space, position);
      if (read === 0) throw this.error("DATA_LOSS", `the file shrank to ${position} bytes while it was read`);
      this.#filled += read;
    }
  }
}
