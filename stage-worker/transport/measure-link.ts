import { credentials } from "@grpc/grpc-js";
import { StagecoachError } from "../../common/errors.js";
import { channelOptions, maxMessageBytes } from "../../common/grpc-options.js";
import { v1 } from "../../common/proto.js";
import type { EchoReply } from "../../proto/gen/stagecoach/v1/EchoReply.js";
import type { EchoRequest__Output } from "../../proto/gen/stagecoach/v1/EchoRequest.js";
import type { MeasureLinkReply } from "../../proto/gen/stagecoach/v1/MeasureLinkReply.js";
import { median } from "../engine/percentile.js";

const deadlineMs = 15_000;
const smallRounds = 50;
const largeRounds = 5;
const largeBytes = 1_048_576;

/**
 * Times the link to another stage's address: the median round trip of a small message, and the bandwidth
 * that a megabyte finds.
 * @throws StagecoachError INVALID_ARGUMENT without an address, otherwise why the address does not answer
 */
export async function measureLink(address: string, signal: AbortSignal): Promise<MeasureLinkReply> {
  if (address === "") throw new StagecoachError("INVALID_ARGUMENT", "address is empty: give host:port");
  const client = new v1.Stage(address, credentials.createInsecure(), channelOptions);
  const deadline = Date.now() + deadlineMs;

  const echo = (payload: Buffer): Promise<number> =>
    new Promise((resolve, reject) => {
      const startedMs = performance.now();
      client.echo({ payload, replyBytes: 0 }, { deadline }, (reason) => {
        if (reason === null) resolve(performance.now() - startedMs);
        else reject(unreachable(address, reason));
      });
    });

  try {
    const roundTripMs = median(await repeat(smallRounds, signal, () => echo(Buffer.alloc(16))));
    const largeMs = median(await repeat(largeRounds, signal, () => echo(Buffer.alloc(largeBytes))));
    const transferMs = Math.max(largeMs - roundTripMs, 0.001);
    return { roundTripMs, bytesPerSecond: (largeBytes / transferMs) * 1000 };
  } finally {
    client.close();
  }
}

/**
 * The far end of `measureLink`.
 * @throws StagecoachError INVALID_ARGUMENT when more bytes are asked for than a message holds
 */
export function echo({ payload, replyBytes }: EchoRequest__Output): EchoReply {
  if (replyBytes >= maxMessageBytes) {
    const message = `reply_bytes is ${replyBytes}; a message holds less than ${maxMessageBytes}`;
    throw new StagecoachError("INVALID_ARGUMENT", message);
  }
  const reply = Buffer.alloc(replyBytes);
  payload.copy(reply);
  return { payload: reply };
}

/** Rounds one after another; the first two warm up and do not count. */
async function repeat(count: number, signal: AbortSignal, round: () => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count + 2; index++) {
    signal.throwIfAborted();
    times.push(await round());
  }
  return times.slice(2);
}

function unreachable(address: string, reason: unknown): StagecoachError {
  const { code, message } = StagecoachError.from(reason);
  return new StagecoachError(code, `measuring the link to ${address} failed: ${message}`, { cause: reason });
}
