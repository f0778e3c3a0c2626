import type { handleClientStreamingCall } from "@grpc/grpc-js";
import { StagecoachError } from "../../common/errors.js";
import { toServiceError } from "../../common/grpc-error.js";
import { frameEpoch } from "../../common/wire/frame-bytes.js";
import type { FramesReply } from "../../proto/gen/stagecoach/v1/FramesReply.js";
import type { FrameSource, LoadedStage } from "./loaded-stage.js";

/** What the handler asks of the worker. */
export interface FramesHandlerOptions {
  /** The stage that is ready now. */
  readonly stage: () => LoadedStage | undefined;
  /** The epoch that was loaded last or is loading; 0 before the first. */
  readonly epoch: () => number;
}

/**
 * The Frames method; frames are bytes here. A stream belongs to the epoch of the first frame that is not a ghost of an older one.
 * Its messages are read no faster than the engine takes them: the rest waits in the sender, by HTTP/2's flow
 * control.
 */
export function framesHandler(options: FramesHandlerOptions): handleClientStreamingCall<Buffer, FramesReply> {
  return (call, callback) => {
    let attached: LoadedStage | undefined;
    let frames = 0;
    let over = false;

    const settle = (reason: unknown): void => {
      if (over) return;
      over = true;
      if (reason === undefined) callback(null, { frames });
      else callback(toServiceError(reason));
      // Whatever still comes is read and forgotten, so that the end of the stream is seen.
      call.resume();
    };
    const source: FrameSource = {
      pause: () => call.pause(),
      resume: () => {
        if (call.isPaused()) call.resume();
      },
      refuse: settle,
    };
    const take = (bytes: Buffer): void => {
      if (over) return;
      if (attached === undefined) {
        const epoch = frameEpoch(bytes);
        if (epoch < options.epoch()) return;
        attached = attachTo(options, epoch, source);
      }
      attached.accept(bytes);
      frames++;
    };

    call.on("data", (bytes: Buffer) => {
      try {
        take(bytes);
      } catch (reason) {
        settle(reason);
      }
    });
    call.on("end", () => {
      Promise.resolve(attached?.finish()).then(() => settle(undefined), settle);
    });
    const broken = (): void => {
      if (over) return;
      over = true;
      attached?.fail(new StagecoachError("UNAVAILABLE", "the stream of frames into it broke off"));
    };
    call.on("cancelled", broken);
    call.on("error", broken);
  };
}

function attachTo(
  { stage, epoch }: FramesHandlerOptions,
  frameEpoch: number,
  source: FrameSource,
): LoadedStage {
  const current = stage();
  if (current === undefined || current.place.epoch !== frameEpoch) {
    const what = epoch() === 0 ? "nothing" : `epoch ${epoch()}${current === undefined ? ", not ready," : ""}`;
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `frame of epoch ${frameEpoch}, and ${what} is loaded here: load the stage first`,
    );
  }
  current.attach(source);
  return current;
}
