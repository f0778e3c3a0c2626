import { encodeClose, encodeForward } from "../../common/frame-codec.js";
import { bytesOf } from "../../common/tensor.js";
import { WallClock } from "../../common/wall-clock.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Sampling } from "../../proto/gen/stagecoach/v1/Sampling.js";
import type { SequenceOpen } from "../../proto/gen/stagecoach/v1/SequenceOpen.js";
import type { MicroBatch, OpenedSequence, Slice } from "../scheduler/types.js";

const clock = new WallClock();

/** The part of a Frame that differs within one micro-batch. */
export type FramePayload = Pick<Frame, "open" | "forward" | "close">;

/**
 * The frames of a micro-batch in the order in which they must travel: what is closed first, so that its blocks
 * are free, then what is opened, then the tokens. At most three; mostly one.
 */
export function batchFrames(batch: MicroBatch): FramePayload[] {
  const frames: FramePayload[] = [];
  if (batch.closed.length > 0) frames.push({ close: encodeClose(batch.closed) });
  if (batch.opened.length > 0) frames.push({ open: { sequences: batch.opened.map(openingOf) } });
  if (batch.slices.length > 0) frames.push({ forward: forwardOf(batch) });
  return frames;
}

function openingOf({ cachedBlocks, tokens, ...opened }: OpenedSequence): SequenceOpen {
  const { sequenceId, promptLength, cachedLength, sampling } = opened;
  const history = needsHistory(sampling) ? bytesOf(tokens) : Buffer.alloc(0);
  return { sequenceId, history, promptLength, sampling, cachedLength, cachedBlockIds: [...cachedBlocks] };
}

function needsHistory({ repetitionPenalty, presencePenalty, frequencyPenalty }: Sampling): boolean {
  return repetitionPenalty !== 1 || presencePenalty !== 0 || frequencyPenalty !== 0;
}

function forwardOf({ lane, slices }: MicroBatch) {
  const batch = {
    lane,
    sequenceIds: slices.map((slice) => slice.sequenceId),
    contextLengths: slices.map((slice) => slice.contextLength),
    lengths: slices.map((slice) => slice.tokenIds.length),
    sample: slices.map((slice) => slice.sample),
    newBlocks: slices.map((slice) => slice.newBlocks),
  };
  return encodeForward(batch, { kind: "tokens", tokenIds: packedIds(slices) }, clock.nowUs());
}

function packedIds(slices: readonly Slice[]): Uint32Array {
  const packed = new Uint32Array(slices.reduce((sum, slice) => sum + slice.tokenIds.length, 0));
  let offset = 0;
  for (const { tokenIds } of slices) {
    packed.set(tokenIds, offset);
    offset += tokenIds.length;
  }
  return packed;
}
