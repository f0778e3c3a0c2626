import type { Socket } from "node:net";
import { StagecoachError } from "../../common/errors.js";
import { frameParts, readOutputBytes } from "../../common/wire/frame-bytes.js";
import { LinkReader } from "../../common/wire/link-framing.js";
import { LinkWriter } from "../../common/wire/link-writer.js";
import { watchSocket } from "../../common/wire/watch-socket.js";
import type { Frame } from "../../proto/gen/stagecoach/v1/Frame.js";
import type { Output__Output } from "../../proto/gen/stagecoach/v1/Output.js";
import type { StageClient } from "./stage-client.js";

/**
 * A link that breaks does not say why, and the stage's outputs by gRPC do, or that it is dead: so long they are
 * given, in ms.
 */
const whyMs = 250;

/** What is heard of the stages. */
export interface StageEars {
  readonly onOutput: (output: Output__Output) => void;
  /** Frames or outputs may be lost. May be called more than once. */
  readonly onBroken: (reason: StagecoachError) => void;
}

/** The ways into the first stage and out of all of them. */
export interface StageWays {
  /** Sends a frame into the first stage. */
  write(frame: Frame): void;
  /** Lets go of all stages; nothing is heard of them any more. */
  close(): void;
}

/**
 * Opens the ways of an epoch whose stages are loaded. Frames, and the last stage's outputs, go over links where they
 * can be had, else by gRPC. Which it is is settled when this resolves, before the first frame, and stays: no output
 * can come by both or overtake another of its stage.
 */
export async function openStageWays(
  clients: readonly [StageClient, ...StageClient[]],
  epoch: number,
  ears: StageEars,
): Promise<StageWays> {
  const [first] = clients;
  const last = clients.at(-1) ?? first;
  const [framesSocket, outputsSocket] = await Promise.all([first.linkFrames(epoch), last.linkOutputs(epoch)]);
  const timers: NodeJS.Timeout[] = [];
  const lostLink = (client: StageClient, what: string, why: string): void => {
    const message = `lost the link for ${what} of worker "${client.workerId}" at ${client.address}: ${why}`;
    timers.push(setTimeout(() => ears.onBroken(new StagecoachError("UNAVAILABLE", message)), whyMs));
  };
  const endings = clients.map((client) => client.subscribe(epoch, ears.onOutput, ears.onBroken));
  if (outputsSocket !== undefined) {
    endings.push(readOutputs(outputsSocket, ears, (why) => lostLink(last, "outputs", why)));
  }
  const frames =
    framesSocket === undefined
      ? framesByGrpc(first, ears)
      : framesByLink(framesSocket, (why) => lostLink(first, "frames", why));
  return {
    write: frames.write,
    close: () => {
      frames.close();
      for (const end of endings) end();
      for (const timer of timers) clearTimeout(timer);
    },
  };
}

function framesByGrpc(client: StageClient, { onBroken }: StageEars): StageWays {
  const stream = client.openFrames(onBroken);
  return { write: (frame) => void stream.write(frame), close: () => stream.cancel() };
}

/** Closing resets the connection: where it ends between two frames, the stage would think that all was well. */
function framesByLink(socket: Socket, onLost: (why: string) => void): StageWays {
  const writer = new LinkWriter(socket, onLost);
  return { write: (frame) => writer.write(frameParts(frame)), close: () => writer.abort() };
}

function readOutputs(socket: Socket, ears: StageEars, onLost: (why: string) => void): () => void {
  const reader = new LinkReader();
  let over = false;
  watchSocket(socket, (cause) => {
    if (!over) onLost(cause?.message ?? "it ended the connection");
    over = true;
  });
  socket.on("data", (chunk: Buffer) => {
    try {
      for (const bytes of reader.read(chunk)) if (!over) ears.onOutput(readOutputBytes(bytes));
    } catch (reason) {
      over = true;
      socket.destroy();
      ears.onBroken(StagecoachError.from(reason));
    }
  });
  return () => {
    over = true;
    socket.destroy();
  };
}
