/** Code that has not run often is several times slower, with large messages most of all. */
const small = { sizeBytes: 16, warmUp: 10, rounds: 50 };
const large = { sizeBytes: 1_048_576, warmUp: 8, rounds: 12 };
/** On a slow link few rounds are many. */
const longEnoughMs = 1_000;
const leastRounds = 3;

/** What a link takes. */
export interface LinkTimes {
  /** Of a small message, lower quartile. */
  readonly roundTripMs: number;
  readonly bytesPerSecond: number;
}

/**
 * Times a link: the round trip of a small message, and the bandwidth that a megabyte finds. Lower quartiles, for what
 * else a machine does only ever adds.
 * @param echo sends bytes, whose memory is then its own, and resolves when a short answer is here
 * @throws what `echo` throws, or the signal's reason
 */
export async function timeEcho(
  echo: (payload: Buffer<ArrayBuffer>) => Promise<void>,
  signal?: AbortSignal,
): Promise<LinkTimes> {
  const roundTripMs = lowerQuartile(await repeat(small, echo, signal));
  const largeMs = lowerQuartile(await repeat(large, echo, signal));
  const transferMs = Math.max(largeMs - roundTripMs, 0.001);
  return { roundTripMs, bytesPerSecond: (large.sizeBytes / transferMs) * 1000 };
}

/** Rounds one after another, ms each; those that warm up do not count, unless they are most that there is time for. */
async function repeat(
  { sizeBytes, warmUp, rounds }: typeof small,
  echo: (payload: Buffer<ArrayBuffer>) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const times: number[] = [];
  const beganMs = performance.now();
  const hasTime = () => performance.now() - beganMs < longEnoughMs;
  while (times.length < leastRounds || (times.length < warmUp + rounds && hasTime())) {
    signal?.throwIfAborted();
    const payload = Buffer.from(new ArrayBuffer(sizeBytes));
    const startedMs = performance.now();
    await echo(payload);
    times.push(performance.now() - startedMs);
  }
  return times.slice(Math.min(warmUp, times.length >> 1));
}

function lowerQuartile(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 2] ?? 0;
}
