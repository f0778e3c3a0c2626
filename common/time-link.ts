import { credentials } from "@grpc/grpc-js";
import { StagecoachError } from "./errors.js";
import { channelOptions } from "./grpc-options.js";
import { v1 } from "./proto.js";
import { type LinkTimes, timeEcho } from "./time-echo.js";

const deadlineMs = 15_000;

/**
 * Times the link from this process to a stage's address, host:port.
 * @throws StagecoachError why the address does not answer, or the signal's reason
 */
export async function timeLink(address: string, signal: AbortSignal): Promise<LinkTimes> {
  const client = new v1.Stage(address, credentials.createInsecure(), channelOptions);
  const deadline = Date.now() + deadlineMs;
  const echo = (payload: Buffer): Promise<void> =>
    new Promise((resolve, reject) => {
      client.echo({ payload, replyBytes: 0 }, { deadline }, (reason) => {
        if (reason === null) resolve();
        else reject(unreachable(address, reason));
      });
    });
  try {
    return await timeEcho(echo, signal);
  } finally {
    client.close();
  }
}

function unreachable(address: string, reason: unknown): StagecoachError {
  const { code, message } = StagecoachError.from(reason);
  return new StagecoachError(code, `measuring the link to ${address} failed: ${message}`, { cause: reason });
}
