import { timingSafeEqual } from "node:crypto";
import { StagecoachError } from "../errors.js";
import { maxMessageBytes } from "../grpc-options.js";
import type { MessageParts } from "./encode-message.js";

/**
 * A link is a TCP connection that carries one epoch's frames from a stage to the next, one way. It begins with
 * the token that OpenLink gave; then every frame is its length, four bytes little-endian, and its bytes as in
 * stage.proto.
 */
export const linkTokenBytes = 16;

const lengthBytes = 4;

/** A frame's pieces as they are written to a link; large ones stay where they are. */
export function framedParts([head, tail]: MessageParts): MessageParts {
  const framed = new Uint8Array(lengthBytes + head.byteLength);
  const sizeBytes = head.byteLength + (tail?.byteLength ?? 0);
  new DataView(framed.buffer).setUint32(0, sizeBytes, true);
  framed.set(head, lengthBytes);
  return tail === undefined ? [framed] : [framed, tail];
}

/**
 * Cuts what comes over a link into the token and frames. A frame that lies within one chunk is a view of it; one
 * that does not is put together in memory of exactly its size.
 */
export class LinkReader {
  readonly #token: Uint8Array;
  #part: "token" | "length" | "frame" = "token";
  #sizeBytes: number = linkTokenBytes;
  /** What the part has so far, when it is in several chunks. */
  #begun: { readonly bytes: Buffer; filled: number } | undefined;

  constructor(token: Uint8Array) {
    this.#token = token;
  }

  /** Whether the right token has come. */
  get admitted(): boolean {
    return this.#part !== "token";
  }

  /** Whether the stream may end here. */
  get between(): boolean {
    return this.#part === "length" && this.#begun === undefined;
  }

  /**
   * The frames that a chunk completes.
   * @throws StagecoachError UNAUTHENTICATED for another token, INVALID_ARGUMENT for a frame longer than
   * messages may be, before memory is taken for it
   */
  *read(chunk: Buffer): Generator<Buffer> {
    let at = 0;
    while (at < chunk.length) {
      const left = this.#sizeBytes - (this.#begun?.filled ?? 0);
      const end = Math.min(at + left, chunk.length);
      const whole = this.#take(chunk.subarray(at, end));
      at = end;
      if (whole === undefined) return;
      if (this.#part === "frame") {
        this.#expect("length", lengthBytes);
        yield whole;
      } else if (this.#part === "length") {
        this.#expect("frame", checkedLength(whole.readUInt32LE()));
      } else {
        this.#admit(whole);
      }
    }
  }

  /** The part, once it is whole. */
  #take(piece: Buffer): Buffer | undefined {
    if (this.#begun === undefined && piece.length === this.#sizeBytes) return piece;
    this.#begun ??= { bytes: Buffer.allocUnsafeSlow(this.#sizeBytes), filled: 0 };
    const { bytes } = this.#begun;
    bytes.set(piece, this.#begun.filled);
    this.#begun.filled += piece.length;
    return this.#begun.filled === bytes.length ? bytes : undefined;
  }

  #admit(token: Buffer): void {
    if (!timingSafeEqual(token, this.#token)) {
      throw new StagecoachError("UNAUTHENTICATED", "a connection for frames began with another token");
    }
    this.#expect("length", lengthBytes);
  }

  #expect(part: "length" | "frame", sizeBytes: number): void {
    this.#part = part;
    this.#sizeBytes = sizeBytes;
    this.#begun = undefined;
  }
}

function checkedLength(sizeBytes: number): number {
  if (sizeBytes > 0 && sizeBytes <= maxMessageBytes) return sizeBytes;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `a frame of ${sizeBytes} bytes came; it may have 1 to ${maxMessageBytes}`,
  );
}
