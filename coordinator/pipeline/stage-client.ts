import type { Socket } from "node:net";
import { type ClientWritableStream, credentials, type ServiceError } from "@grpc/grpc-js";
import { StagecoachError } from "../../common/errors.js";
import { channelOptions } from "../../common/grpc-options.js";
import { connectLink, connectOutputs, findLink } from "../../common/wire/link-connection.js";
import { createStageClient } from "../../common/wire/stage-service.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { LoadProgress__Output } from "../../proto/gen/stagecoach/v1/LoadProgress.js";
import type { LoadRequest } from "../../proto/gen/stagecoach/v1/LoadRequest.js";
import type { MeasureLinkReply__Output } from "../../proto/gen/stagecoach/v1/MeasureLinkReply.js";
import type { MeasureReply__Output } from "../../proto/gen/stagecoach/v1/MeasureReply.js";
import type { MeasureRequest } from "../../proto/gen/stagecoach/v1/MeasureRequest.js";
import type { Output__Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { StageClient as GrpcStageClient } from "../../proto/gen/stagecoach/v1/Stage.js";
import type { TakeTokensReply__Output } from "../../proto/gen/stagecoach/v1/TakeTokensReply.js";

/** Blobs may have to be fetched, and expanded for a GPU, before anything is timed. */
const measureTimeoutMs = 600_000;
const linkTimeoutMs = 20_000;
/** Loading fetches gigabytes over slow links; it fails by its stream, this is only the last resort. */
const loadTimeoutMs = 3_600_000;

/** One worker's Stage service as the coordinator uses it. Errors name the worker. */
export class StageClient {
  readonly workerId: string;
  readonly address: string;
  readonly #client: GrpcStageClient;

  constructor(workerId: string, address: string) {
    this.workerId = workerId;
    this.address = address;
    this.#client = createStageClient(address, credentials.createInsecure(), channelOptions);
  }

  /** Loads a stage and resolves with what it reports when ready. */
  async load(
    request: LoadRequest,
    onProgress: (progress: LoadProgress__Output) => void,
    signal: AbortSignal,
  ): Promise<LoadProgress__Output> {
    const call = this.#client.load(request, { deadline: Date.now() + loadTimeoutMs });
    const abort = (): void => call.cancel();
    signal.addEventListener("abort", abort, { once: true });
    try {
      for await (const progress of call as AsyncIterable<LoadProgress__Output>) {
        if (progress.phase === "READY") return progress;
        onProgress(progress);
      }
    } catch (reason) {
      throw this.#explain("loading its layers", reason);
    } finally {
      signal.removeEventListener("abort", abort);
      call.cancel();
    }
    throw new StagecoachError(
      "INTERNAL",
      `worker "${this.workerId}" ended loading without being ready: see its log`,
    );
  }

  async measure(request: MeasureRequest): Promise<MeasureReply__Output> {
    return await this.#unary<MeasureReply__Output>("measuring", (callback) =>
      this.#client.measure(request, { deadline: Date.now() + measureTimeoutMs }, callback),
    );
  }

  /** Times the link from this worker to another stage's address. */
  async measureLink(address: string): Promise<MeasureLinkReply__Output> {
    return await this.#unary<MeasureLinkReply__Output>(`measuring its link to ${address}`, (callback) =>
      this.#client.measureLink({ address }, { deadline: Date.now() + linkTimeoutMs }, callback),
    );
  }

  /** A link for frames into this stage; undefined where they have to go by `openFrames`. */
  async linkFrames(epoch: number): Promise<Socket | undefined> {
    const target = await findLink(this.#client, this.address, { epoch, purpose: "LINK_FRAMES" });
    return target && (await connectLink(target));
  }

  /** A link that this stage's outputs come by; undefined where `subscribe` gets all of them. */
  async linkOutputs(epoch: number): Promise<Socket | undefined> {
    const target = await findLink(this.#client, this.address, { epoch, purpose: "LINK_OUTPUTS" });
    return target && (await connectOutputs(target));
  }

  /** Has this stage, the first, take tokens straight from the last one at `address`; false where it cannot. */
  async takeTokens(epoch: number, address: string): Promise<boolean> {
    const reply = await this.#unary<TakeTokensReply__Output>(
      "taking tokens from the last stage",
      (callback) =>
        this.#client.takeTokens({ epoch, address }, { deadline: Date.now() + linkTimeoutMs }, callback),
    );
    return reply.taken;
  }

  /** Opens the stream of frames into this stage; `onEnd` hears once when it breaks or ends. */
  openFrames(onEnd: (reason: StagecoachError) => void): ClientWritableStream<Frame> {
    const stream = this.#client.frames((error) => {
      onEnd(
        error === null
          ? new StagecoachError("UNAVAILABLE", `worker "${this.workerId}" ended its stream of frames`)
          : this.#explain("taking frames", error),
      );
    });
    // The callback above tells the same story; without a listener Node would end the process.
    stream.on("error", () => undefined);
    return stream;
  }

  /** Subscribes to what the stage tells the coordinator; the returned function ends the subscription. */
  subscribe(
    epoch: number,
    onOutput: (output: Output__Output) => void,
    onEnd: (reason: StagecoachError) => void,
  ): () => void {
    const call = this.#client.outputs({ epoch });
    call.on("data", onOutput);
    call.on("error", (reason) => onEnd(this.#explain("sending outputs", reason)));
    call.on("end", () =>
      onEnd(new StagecoachError("UNAVAILABLE", `worker "${this.workerId}" ended its outputs`)),
    );
    return () => call.cancel();
  }

  close(): void {
    this.#client.close();
  }

  #unary<Reply>(
    doing: string,
    call: (callback: (error: ServiceError | null, reply?: Reply) => void) => unknown,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      call((error, reply) => {
        if (error !== null) reject(this.#explain(doing, error));
        else resolve(reply as Reply);
      });
    });
  }

  #explain(doing: string, reason: unknown): StagecoachError {
    const { code, message } = StagecoachError.from(reason);
    return new StagecoachError(
      code,
      `worker "${this.workerId}" at ${this.address} failed ${doing}: ${message}`,
      {
        cause: reason,
      },
    );
  }
}
