import { StagecoachError } from "../../common/errors.js";
import type { Manifest } from "../../model/store/manifest.js";
import { parseManifest } from "../../model/store/manifest-file.js";
import type { LoadRequest__Output } from "../../proto/gen/stagecoach/v1/LoadRequest.js";
import type { RunnerOptions } from "../engine/stage-runner.js";
import type { StagePlace } from "./loaded-stage.js";

/** A Load request that was checked. */
export interface LoadPlan {
  readonly place: StagePlace;
  /** What the runner is made from; the worker adds its own folder and memory. */
  readonly runner: Omit<
    RunnerOptions,
    "blobsFolder" | "memoryLimitBytes" | "kvMemoryBytes" | "fewRowsKernel"
  >;
  /** host:port of a Cluster service that has the blobs; may be empty. */
  readonly blobAddress: string;
}

/**
 * Reads a Load request.
 * @param threads the worker's own setting, for requests that name none
 * @throws StagecoachError INVALID_ARGUMENT naming the field that cannot be
 */
export function readLoadRequest(request: LoadRequest__Output, threads: number): LoadPlan {
  const { epoch, stageIndex, stageCount, firstLayer, endLayer, nextAddress } = request;
  const manifest = readManifestField(request.manifestJson);
  const { layerCount } = manifest.config;
  const embedding = stageIndex === 0;
  const head = stageIndex === stageCount - 1;

  whole("epoch", epoch, 1, Number.MAX_SAFE_INTEGER);
  whole("stage_count", stageCount, 1, 1024);
  whole("stage_index", stageIndex, 0, stageCount - 1);
  whole("end_layer", endLayer, embedding ? 0 : 1, layerCount);
  whole("first_layer", firstLayer, 0, endLayer);
  whole("block_size", request.blockSize, 1, 4096);
  whole("max_sequences", request.maxSequences, 1, 65_536);
  whole("max_context", request.maxContext, 1, 2 ** 24);
  whole("lane_count", request.laneCount, 1, 4096);
  whole("threads", request.threads, 0, 1024);
  whole("max_batch_tokens", request.maxBatchTokens, 0, 2 ** 24);
  if (embedding && firstLayer !== 0) throw invalid(`the first stage starts at layer ${firstLayer}, not 0`);
  if (head && endLayer !== layerCount) {
    throw invalid(`the last stage ends at layer ${endLayer} of ${layerCount}`);
  }
  if (head !== (nextAddress === "")) {
    throw invalid(`stage ${stageIndex} of ${stageCount} has next_address ${JSON.stringify(nextAddress)}`);
  }
  return {
    place: { epoch, stageIndex, stageCount, firstLayer, endLayer, nextAddress },
    runner: {
      manifest,
      firstLayer,
      endLayer,
      embedding,
      head,
      blockSize: request.blockSize,
      blockCount: request.blockCount,
      maxSequences: request.maxSequences,
      ...(request.maxBatchTokens > 0 && { maxBatchTokens: request.maxBatchTokens }),
      laneCount: request.laneCount,
      maxContext: request.maxContext,
      threads: request.threads || threads,
      activationDtype:
        request.activationDtype === "DATA_TYPE_UNSPECIFIED" ? "FLOAT32" : request.activationDtype,
    },
    blobAddress: request.blobAddress,
  };
}

/**
 * The manifest out of a message.
 * @throws StagecoachError INVALID_ARGUMENT saying what is wrong with it
 */
export function readManifestField(manifestJson: Buffer): Manifest {
  return parseManifest(manifestJson.toString("utf8"));
}

function whole(field: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw invalid(`${field} is ${value}; it must lie from ${least} to ${most}`);
}

function invalid(message: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", `cannot load: ${message}`);
}
