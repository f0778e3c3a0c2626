import type { handleServerStreamingCall } from "@grpc/grpc-js";
import { AsyncQueue } from "../../common/async-queue.js";
import { StagecoachError } from "../../common/errors.js";
import { toServiceError } from "../../common/grpc-error.js";
import { serverStreamHandler, unaryHandler } from "../../common/grpc-handlers.js";
import type { GrpcService } from "../../common/grpc-server.js";
import { v1 } from "../../common/proto.js";
import type { LoadProgress } from "../../proto/gen/stagecoach/v1/LoadProgress.js";
import type { LoadRequest__Output } from "../../proto/gen/stagecoach/v1/LoadRequest.js";
import type { MeasureReply } from "../../proto/gen/stagecoach/v1/MeasureReply.js";
import type { MeasureRequest__Output } from "../../proto/gen/stagecoach/v1/MeasureRequest.js";
import type { Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { OutputsRequest__Output } from "../../proto/gen/stagecoach/v1/OutputsRequest.js";
import type { StageHandlers } from "../../proto/gen/stagecoach/v1/Stage.js";
import { framesHandler } from "./frames-handler.js";
import { readLoadRequest } from "./load-request.js";
import { echo, measureLink } from "./measure-link.js";
import type { StageSlot } from "./stage-slot.js";

/** What the Stage service stands on. */
export interface StageServiceOptions {
  readonly slot: StageSlot;
  /** Intra-op threads where a request names none. */
  readonly threads: number;
  readonly measure: (request: MeasureRequest__Output, signal: AbortSignal) => Promise<MeasureReply>;
}

/** The Stage service of a worker; see proto/stagecoach/v1/stage.proto. */
export function stageService({ slot, threads, measure }: StageServiceOptions): GrpcService {
  const implementation: StageHandlers = {
    Load: serverStreamHandler((request: LoadRequest__Output, { signal }) =>
      loadProgress(slot, request, threads, signal),
    ),
    Measure: unaryHandler((request: MeasureRequest__Output, { signal }) => measure(request, signal)),
    MeasureLink: unaryHandler(({ address }, { signal }) => measureLink(address, signal)),
    Echo: unaryHandler(echo),
    Frames: framesHandler({ stage: () => slot.stage, epoch: () => slot.epoch }),
    Outputs: outputsHandler(slot),
  };
  return { definition: v1.Stage.service, implementation };
}

async function* loadProgress(
  slot: StageSlot,
  request: LoadRequest__Output,
  threads: number,
  signal: AbortSignal,
): AsyncGenerator<LoadProgress> {
  const plan = readLoadRequest(request, threads);
  const progress = new AsyncQueue<LoadProgress>();
  slot
    .load(plan, (step) => progress.push(step), signal)
    .then(({ blockCount, weightBytes }) => {
      progress.push({ phase: "READY", blockCount, weightBytes });
      progress.end();
    })
    .catch((reason: unknown) => progress.fail(reason));
  yield* progress;
}

function outputsHandler(slot: StageSlot): handleServerStreamingCall<OutputsRequest__Output, Output> {
  return (call) => {
    const { stage, state } = slot;
    if (stage?.place.epoch === call.request.epoch) {
      stage.outputs.subscribe(call);
      return;
    }
    const what = state.kind === "idle" ? "idle" : `${state.kind} with epoch ${state.place.epoch}`;
    const reason = state.kind === "failed" ? `: ${state.reason.message}` : "";
    const message = `epoch ${call.request.epoch} is not served here; this worker is ${what}${reason}`;
    call.emit("error", toServiceError(new StagecoachError("FAILED_PRECONDITION", message)));
  };
}
