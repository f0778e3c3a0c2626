import { type ClientWritableStream, credentials } from "@grpc/grpc-js";
import { StagecoachError } from "../../common/errors.js";
import { channelOptions } from "../../common/grpc-options.js";
import { v1 } from "../../common/proto.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { StageClient } from "../../proto/gen/stagecoach/v1/Stage.js";

/** The stream of frames into the stage after this one. */
export class NextStage {
  readonly #address: string;
  readonly #client: StageClient;
  readonly #onBroken: (reason: StagecoachError) => void;
  /** Opened by the first frame: the next stage is surely loaded then. */
  #stream: ClientWritableStream<Frame> | undefined;
  #closed = false;

  /** Begins to connect. `onBroken` hears once when frames can no longer be sent. */
  constructor(address: string, onBroken: (reason: StagecoachError) => void) {
    this.#address = address;
    this.#onBroken = onBroken;
    this.#client = new v1.Stage(address, credentials.createInsecure(), channelOptions);
    this.#client.getChannel().getConnectivityState(true);
  }

  /** `onSent` is called when the frame has been handed to the network, which waits while the receiver does. */
  send(frame: Frame, onSent: () => void): void {
    if (this.#closed) return;
    this.#stream ??= this.#open();
    this.#stream.write(frame, () => onSent());
  }

  /** Ends the stream after the frames that were sent. */
  end(): void {
    this.#stream?.end();
  }

  /** Drops the connection and everything still under way. */
  close(): void {
    this.#closed = true;
    this.#stream?.cancel();
    this.#client.close();
  }

  #open(): ClientWritableStream<Frame> {
    let ended = false;
    const stream = this.#client.frames((reason) => {
      if (this.#closed || (reason === null && ended)) return;
      this.#closed = true;
      const why = reason === null ? "it ended the stream" : StagecoachError.from(reason).message;
      this.#onBroken(
        new StagecoachError(
          reason === null ? "UNAVAILABLE" : StagecoachError.from(reason).code,
          `lost the next stage at ${this.#address}: ${why}`,
          { cause: reason },
        ),
      );
    });
    stream.on("finish", () => {
      ended = true;
    });
    // The callback above tells the same; without a listener Node would end the process.
    stream.on("error", () => undefined);
    return stream;
  }
}
