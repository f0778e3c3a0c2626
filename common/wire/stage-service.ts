import {
  type ChannelCredentials,
  type Client,
  type ClientOptions,
  makeClientConstructor,
} from "@grpc/grpc-js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { StageClient } from "../../proto/gen/stagecoach/v1/Stage.js";
import { v1 } from "../proto.js";
import { frameBytes, outputBytes, readOutputBytes } from "./frame-bytes.js";

const { service } = v1.Stage;

/**
 * The Stage service with the hot path's own codec. Frames arrive as their bytes, which the engine's thread
 * reads, and bytes that are Frames or Outputs already leave as they are.
 */
export const stageDefinition = {
  ...service,
  Frames: {
    ...service.Frames,
    requestSerialize: (frame: Frame | Buffer) => (Buffer.isBuffer(frame) ? frame : frameBytes(frame)),
    requestDeserialize: (bytes: Buffer) => bytes,
  },
  Outputs: {
    ...service.Outputs,
    responseSerialize: (output: Output | Buffer) => (Buffer.isBuffer(output) ? output : outputBytes(output)),
    responseDeserialize: readOutputBytes,
  },
};

const Constructor = makeClientConstructor(stageDefinition, "stagecoach.v1.Stage") as unknown as new (
  address: string,
  credentials: ChannelCredentials,
  options: ClientOptions,
) => Client & StageClient;

/** A client of a worker's Stage service. */
export function createStageClient(
  address: string,
  credentials: ChannelCredentials,
  options: ClientOptions,
): StageClient {
  return new Constructor(address, credentials, options);
}
