import type { handleClientStreamingCall, handleServerStreamingCall } from "@grpc/grpc-js";
import { AsyncQueue } from "../../common/async-queue.js";
import { StagecoachError } from "../../common/errors.js";
import { toServiceError } from "../../common/grpc-error.js";
import { serverStreamHandler, unaryHandler } from "../../common/grpc-handlers.js";
import type { GrpcService } from "../../common/grpc-server.js";
import { stageDefinition } from "../../common/wire/stage-service.js";
import type { FramesReply } from "../../proto/gen/stagecoach/v1/FramesReply.js";
import type { LoadProgress } from "../../proto/gen/stagecoach/v1/LoadProgress.js";
import type { LoadRequest__Output } from "../../proto/gen/stagecoach/v1/LoadRequest.js";
import type { MeasureReply } from "../../proto/gen/stagecoach/v1/MeasureReply.js";
import type { MeasureRequest__Output } from "../../proto/gen/stagecoach/v1/MeasureRequest.js";
import type { OpenLinkReply } from "../../proto/gen/stagecoach/v1/OpenLinkReply.js";
import type { OpenLinkRequest__Output } from "../../proto/gen/stagecoach/v1/OpenLinkRequest.js";
import type { OutputsRequest__Output } from "../../proto/gen/stagecoach/v1/OutputsRequest.js";
import type { StageHandlers } from "../../proto/gen/stagecoach/v1/Stage.js";
import type { TakeTokensReply } from "../../proto/gen/stagecoach/v1/TakeTokensReply.js";
import type { TakeTokensRequest__Output } from "../../proto/gen/stagecoach/v1/TakeTokensRequest.js";
import { timePort } from "../engine/time-port.js";
import { framesHandler } from "./frames-handler.js";
import { readLoadRequest } from "./load-request.js";
import { echo, measureLink } from "./measure-link.js";
import type { Sendable } from "./output-channel.js";
import type { SlotState, StageSlot } from "./stage-slot.js";

/** What the Stage service stands on. */
export interface StageServiceOptions {
  readonly slot: StageSlot;
  /** Intra-op threads where a request names none. */
  readonly threads: number;
  /** Whether frames to an address go to another worker of this process, by transfer. */
  readonly isHere: (address: string) => boolean;
  readonly measure: (request: MeasureRequest__Output, signal: AbortSignal) => Promise<MeasureReply>;
}

/** The Stage service of a worker; see proto/stagecoach/v1/stage.proto. */
export function stageService({ slot, threads, isHere, measure }: StageServiceOptions): GrpcService {
  const implementation: Omit<StageHandlers, "Frames" | "Outputs"> & HotHandlers = {
    Load: serverStreamHandler((request: LoadRequest__Output, { signal }) =>
      loadProgress(slot, request, threads, signal),
    ),
    Measure: unaryHandler((request: MeasureRequest__Output, { signal }) => measure(request, signal)),
    MeasureLink: unaryHandler(({ address }, { signal }) =>
      isHere(address) ? timePort(signal) : measureLink(address, signal),
    ),
    Echo: unaryHandler(echo),
    Frames: framesHandler({ stage: () => slot.stage, epoch: () => slot.epoch }),
    Outputs: outputsHandler(slot),
    TakeTokens: unaryHandler((request: TakeTokensRequest__Output) => takeTokens(slot, request)),
    OpenLink: unaryHandler((request: OpenLinkRequest__Output) => openLink(slot, request)),
  };
  return { definition: stageDefinition, implementation };
}

/** Those whose messages the hot path's codec reads and writes. */
interface HotHandlers {
  readonly Frames: handleClientStreamingCall<Buffer, FramesReply>;
  readonly Outputs: handleServerStreamingCall<OutputsRequest__Output, Sendable>;
}

function openLink({ stage, state }: StageSlot, { epoch, purpose }: OpenLinkRequest__Output): OpenLinkReply {
  if (stage?.place.epoch !== epoch) throw notServed(state, epoch);
  return stage.link(purpose);
}

async function takeTokens(
  { stage, state }: StageSlot,
  { epoch, address }: TakeTokensRequest__Output,
): Promise<TakeTokensReply> {
  if (stage?.place.epoch !== epoch) throw notServed(state, epoch);
  return { taken: await stage.takeTokens(address) };
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
    .then(({ blockCount, weightBytes, beginsInsideBlocks }) => {
      progress.push({ phase: "READY", blockCount, weightBytes, beginsInsideBlocks });
      progress.end();
    })
    .catch((reason: unknown) => progress.fail(reason));
  yield* progress;
}

function outputsHandler(slot: StageSlot): handleServerStreamingCall<OutputsRequest__Output, Sendable> {
  return (call) => {
    const { stage, state } = slot;
    if (stage?.place.epoch === call.request.epoch) {
      stage.outputs.subscribe(call);
      return;
    }
    call.emit("error", toServiceError(notServed(state, call.request.epoch)));
  };
}

function notServed(state: SlotState, epoch: number): StagecoachError {
  const what = state.kind === "idle" ? "idle" : `${state.kind} with epoch ${state.place.epoch}`;
  const reason = state.kind === "failed" ? `: ${state.reason.message}` : "";
  return new StagecoachError(
    "FAILED_PRECONDITION",
    `epoch ${epoch} is not served here; this worker is ${what}${reason}`,
  );
}
