import { type ClientWritableStream, credentials } from "@grpc/grpc-js";
import { StagecoachError } from "../../common/errors.js";
import { channelOptions } from "../../common/grpc-options.js";
import { findLink, type LinkTarget } from "../../common/wire/link-connection.js";
import { createStageClient } from "../../common/wire/stage-service.js";
import type { StageClient } from "../../proto/gen/stagecoach/v1/Stage.js";

/** The stage after this one: where a link into it goes, and the stream of frames for when there is none. */
export class NextStage {
  readonly #address: string;
  readonly #client: StageClient;
  readonly #onBroken: (reason: StagecoachError) => void;
  /** Opened by the first frame: the next stage is surely loaded then. */
  #stream: ClientWritableStream<Buffer> | undefined;
  #closed = false;

  /** Begins to connect. `onBroken` hears once when frames can no longer be sent. */
  constructor(address: string, onBroken: (reason: StagecoachError) => void) {
    this.#address = address;
    this.#onBroken = onBroken;
    this.#client = createStageClient(address, credentials.createInsecure(), channelOptions);
    this.#client.getChannel().getConnectivityState(true);
  }

  /** Where a link may go; undefined where frames have to go by gRPC, whose own error tells if nobody is there. */
  findLink(epoch: number): Promise<LinkTarget | undefined> {
    return findLink(this.#client, this.#address, { epoch, purpose: "LINK_FRAMES" });
  }

  /** `onSent` is called when the frame has been handed to the network, which waits while the receiver does. */
  send(frame: Buffer, onSent: () => void): void {
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

  #open(): ClientWritableStream<Buffer> {
    let ended = false;
    // Its codec passes bytes on as they are.
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
    return stream as unknown as ClientWritableStream<Buffer>;
  }
}
