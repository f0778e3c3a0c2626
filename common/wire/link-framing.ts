import { StagecoachError } from "../errors.js";
import { maxMessageBytes } from "../grpc-options.js";
import type { MessageParts } from "./encode-message.js";

/**
 * A link is a TCP connection that carries one epoch's messages one way: frames into a stage, or outputs out of the
 * last one. Who connects says the token that OpenLink gave. Then every message is its length, four bytes
 * little-endian, and its bytes as in stage.proto. Before outputs the stage says the token back.
 */
export const linkTokenBytes = 16;

const lengthBytes = 4;

/** A message's pieces as they are written to a link; large ones stay where they are. */
export function framedParts([head, tail]: MessageParts): MessageParts {
  const framed = new Uint8Array(lengthBytes + head.byteLength);
  const sizeBytes = head.byteLength + (tail?.byteLength ?? 0);
  new DataView(framed.buffer).setUint32(0, sizeBytes, true);
  framed.set(head, lengthBytes);
  return tail === undefined ? [framed] : [framed, tail];
}

/**
 * Cuts what comes over a link after its token into messages. One that lies within one chunk is a view of it; one
 * that does not is put together in memory of exactly its size.
 */
export class LinkReader {
  #part: "length" | "message" = "length";
  #sizeBytes: number = lengthBytes;
  /** What the part has so far, when it is in several chunks. */
  #begun: { readonly bytes: Buffer; filled: number } | undefined;

  /** Whether the stream may end here. */
  get between(): boolean {
    return this.#part === "length" && this.#begun === undefined;
  }

  /**
   * The messages that a chunk completes.
   * @throws StagecoachError INVALID_ARGUMENT for one longer than messages may be, before memory is taken for it
   */
  *read(chunk: Buffer): Generator<Buffer> {
    let at = 0;
    while (at < chunk.length) {
      const left = this.#sizeBytes - (this.#begun?.filled ?? 0);
      const end = Math.min(at + left, chunk.length);
      const whole = this.#take(chunk.subarray(at, end));
      at = end;
      if (whole === undefined) return;
      if (this.#part === "message") {
        this.#expect("length", lengthBytes);
        yield whole;
      } else {
        this.#expect("message", checkedLength(whole.readUInt32LE()));
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

  #expect(part: "length" | "message", sizeBytes: number): void {
    this.#part = part;
    this.#sizeBytes = sizeBytes;
    this.#begun = undefined;
  }
}

function checkedLength(sizeBytes: number): number {
  if (sizeBytes > 0 && sizeBytes <= maxMessageBytes) return sizeBytes;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `a message of ${sizeBytes} bytes came over a link; it may have 1 to ${maxMessageBytes}`,
  );
}
