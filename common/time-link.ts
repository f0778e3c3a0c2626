import { credentials } from "@grpc/grpc-js";
import { StagecoachError } from "./errors.js";
import { channelOptions } from "./grpc-options.js";
import { v1 } from "./proto.js";

const deadlineMs = 15_000;
const smallRounds = 50;
const largeRounds = 5;
const largeBytes = 1_048_576;

/** What a link takes. */
export interface LinkTimes {
  /** Of a small message, lower quartile. */
  readonly roundTripMs: number;
  readonly bytesPerSecond: number;
}

/**
 * Times the link from this process to a stage's address, host:port: the round trip of a small message, and the
 * bandwidth that a megabyte finds. Lower quartiles, for what else a machine does only ever adds.
 * @throws StagecoachError why the address does not answer, or the signal's reason
 */
export async function timeLink(address: string, signal: AbortSignal): Promise<LinkTimes> {
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
    const roundTripMs = lowerQuartile(await repeat(smallRounds, signal, () => echo(Buffer.alloc(16))));
    const largeMs = lowerQuartile(await repeat(largeRounds, signal, () => echo(Buffer.alloc(largeBytes))));
    const transferMs = Math.max(largeMs - roundTripMs, 0.001);
    return { roundTripMs, bytesPerSecond: (largeBytes / transferMs) * 1000 };
  } finally {
    client.close();
  }
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

function lowerQuartile(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 2] ?? 0;
}

function unreachable(address: string, reason: unknown): StagecoachError {
  const { code, message } = StagecoachError.from(reason);
  return new StagecoachError(code, `measuring the link to ${address} failed: ${message}`, { cause: reason });
}
