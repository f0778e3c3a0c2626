import { StagecoachError } from "../../common/errors.js";

/** Where a stream of frames stands. */
export interface FramePosition {
  /** The epoch that is loaded. */
  readonly epoch: number;
  /** The last step that was taken; 0 before the first. */
  readonly step: number;
}

/**
 * Whether a frame is the next one, or a ghost of an older epoch that nobody waits for.
 * @throws StagecoachError FAILED_PRECONDITION for an epoch that is not loaded yet, or for a step that is
 * missing or comes again: nothing after it could be computed rightly
 */
export function placeOfFrame(frame: FramePosition, position: FramePosition): "next" | "ghost" {
  if (frame.epoch < position.epoch) return "ghost";
  if (frame.epoch > position.epoch) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `frame of epoch ${frame.epoch}, and ${position.epoch === 0 ? "nothing" : `epoch ${position.epoch}`} is loaded here: load the stage first`,
    );
  }
  if (frame.step !== position.step + 1) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `frame of step ${frame.step} where step ${position.step + 1} was due: start a new epoch`,
    );
  }
  return "next";
}
