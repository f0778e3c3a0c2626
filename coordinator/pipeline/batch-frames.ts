import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Sampling } from "../../proto/gen/stagecoach/v1/Sampling.js";
import type { MicroBatch, OpenedSequence, Slice } from "../scheduler/types.js";

/** The part of a Frame that differs within one micro-batch. */
export type FramePayload = Pick<Frame, "open" | "forward" | "close">;

/**
 * The frames of a micro-batch in the order in which they must travel: what is closed first, so that its blocks
 * are free, then what is opened, then the tokens. At most three; mostly one.
 */
export function batchFrames(batch: MicroBatch): FramePayload[] {
  const frames: FramePayload[] = [];
  if (batch.closed.length > 0) frames.push({ close: { sequenceIds: [...batch.closed] } });
  if (batch.opened.length > 0) frames.push({ open: { sequences: batch.opened.map(openingOf) } });
  if (batch.slices.length > 0) frames.push({ forward: forwardOf(batch.slices) });
  return frames;
}

function openingOf({ sequenceId, tokens, promptLength, sampling }: OpenedSequence) {
  const history = needsHistory(sampling) ? bytesOf(tokens) : Buffer.alloc(0);
  return { sequenceId, history, promptLength, sampling };
}

function needsHistory({ repetitionPenalty, presencePenalty, frequencyPenalty }: Sampling): boolean {
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}

function forwardOf(slices: readonly Slice[]) {
  const tokenCount = slices.reduce((sum, slice) => sum + slice.tokenIds.length, 0);
  const tokenIds = new Uint32Array(tokenCount);
  let offset = 0;
  for (const slice of slices) {
    tokenIds.set(slice.tokenIds, offset);
    offset += slice.tokenIds.length;
  }
  return {
    sequenceIds: slices.map((slice) => slice.sequenceId),
    contextLengths: slices.map((slice) => slice.contextLength),
    lengths: slices.map((slice) => slice.tokenIds.length),
    sample: Buffer.from(slices.map((slice) => (slice.sample ? 1 : 0))),
    newBlockCounts: slices.map((slice) => slice.newBlocks.length),
    newBlockIds: slices.flatMap((slice) => slice.newBlocks),
    tokenIds: bytesOf(tokenIds),
    sentAtUs: Math.round((performance.timeOrigin + performance.now()) * 1000),
  };
}

/** The ids as little-endian bytes; every platform that Node runs on is little-endian. */
function bytesOf(ids: Uint32Array): Buffer {
  return Buffer.from(ids.buffer, ids.byteOffset, ids.byteLength);
}
