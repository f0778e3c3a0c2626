import type { Frame, Frame__Output } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Output, Output__Output } from "../../proto/gen/stagecoach/v1/Output.js";
import { decodeMessage } from "./decode-message.js";
import { encodeMessage, type MessageParts } from "./encode-message.js";
import { frameEpochSchema, frameSchema, outputSchema } from "./stage-schemas.js";

/**
 * The bytes of a Frame in pieces that follow each other; an activation's are its own memory, not a copy.
 * The codecs here write what protobuf writes, and read it, in a fraction of the code that has to run: what matters
 * is that it runs once a step, with caches that a model's products have filled.
 * @throws StagecoachError INTERNAL naming the field whose value does not fit
 */
export function frameParts(frame: Frame): MessageParts {
  return encodeMessage(frameSchema, frame);
}

/** The bytes of a Frame, in memory of its own. */
export function frameBytes(frame: Frame): Buffer {
  return joined(frameParts(frame));
}

/**
 * A Frame out of its bytes, in one piece or in those that `frameParts` gave; its bytes fields are views of them.
 * @throws StagecoachError INVALID_ARGUMENT naming the field
 */
export function readFrameBytes(bytes: Uint8Array, tail?: Uint8Array): Frame__Output {
  return decodeMessage(frameSchema, bytes, tail) as unknown as Frame__Output;
}

/**
 * The epoch of a Frame, without reading the rest.
 * @throws StagecoachError INVALID_ARGUMENT naming the field
 */
export function frameEpoch(bytes: Uint8Array): number {
  return (decodeMessage(frameEpochSchema, bytes) as unknown as Pick<Frame__Output, "epoch">).epoch;
}

/** The bytes of an Output, in pieces as a Frame's. */
export function outputParts(output: Output): MessageParts {
  return encodeMessage(outputSchema, output);
}

/** The bytes of an Output, in memory of its own. */
export function outputBytes(output: Output): Buffer {
  return joined(outputParts(output));
}

/**
 * An Output out of its bytes.
 * @throws StagecoachError INVALID_ARGUMENT naming the field
 */
export function readOutputBytes(bytes: Uint8Array): Output__Output {
  return decodeMessage(outputSchema, bytes) as unknown as Output__Output;
}

/** Pieces as one. */
export function joined([head, tail]: MessageParts): Buffer {
  if (tail === undefined) return Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const whole = Buffer.allocUnsafeSlow(head.byteLength + tail.byteLength);
  whole.set(head);
  whole.set(tail, head.byteLength);
  return whole;
}
