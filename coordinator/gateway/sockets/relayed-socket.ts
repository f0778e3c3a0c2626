import { Duplex } from "node:stream";
import { type SocketError, type SocketOrder, socketCommand, windowLength } from "./socket-messages.js";

/** A connection that lives in another thread: as much of a socket as Node's HTTP server uses. */
export class RelayedSocket extends Duplex {
  readonly remoteAddress: string | undefined;
  readonly #order: (order: SocketOrder) => void;
  #paused = false;
  /** Length of what was written and not taken. */
  #untaken = 0;
  /** The write that waits until more is taken. */
  #waiting: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(remoteAddress: string | undefined, order: (order: SocketOrder) => void) {
    super({ decodeStrings: false });
    this.remoteAddress = remoteAddress;
    this.#order = order;
  }

  /** The client wrote. */
  received(bytes: Uint8Array): void {
    if (this.destroyed || this.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))) return;
    this.#paused = true;
    this.#order(socketCommand.pause);
  }

  /** The client writes no more. */
  ended(): void {
    if (!this.destroyed) this.push(null);
  }

  /** So much of what was written is gone: characters or bytes. */
  taken(length: number): void {
    this.#untaken -= length;
    if (this.#untaken >= windowLength) return;
    const resume = this.#waiting;
    this.#waiting = undefined;
    resume?.();
  }

  /** The connection is gone. */
  lost(error: SocketError | undefined): void {
    this.destroy(error && Object.assign(new Error(error.message), { code: error.code }));
  }

  override _read(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#order(socketCommand.resume);
  }

  override _write(chunk: string | Uint8Array, encoding: BufferEncoding, callback: () => void): void {
    const data = typeof chunk === "string" && encoding !== "utf8" ? Buffer.from(chunk, encoding) : chunk;
    this.#order(data);
    this.#untaken += data.length;
    if (this.#untaken >= windowLength) this.#waiting = callback;
    else callback();
  }

  override _final(callback: () => void): void {
    this.#order(socketCommand.end);
    callback();
  }

  override _destroy(error: Error | null, callback: (error: Error | null) => void): void {
    clearTimeout(this.#timer);
    // What is finished here may not be written there yet.
    const whole = error === null && this.writableFinished;
    this.#order(whole ? socketCommand.destroySoon : socketCommand.destroy);
    callback(error);
  }

  /** Closes when all is written. */
  destroySoon(): void {
    this.end(() => this.destroy());
  }

  /** Emits `timeout` after `ms`; 0 is never. The HTTP server sets it while a connection waits for its next request. */
  setTimeout(ms: number, listener?: () => void): this {
    clearTimeout(this.#timer);
    if (listener !== undefined) this.once("timeout", listener);
    if (ms > 0) this.#timer = setTimeout(() => this.emit("timeout"), ms).unref();
    return this;
  }
}
