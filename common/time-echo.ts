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
 * Times a link: the round trip of a small message, and the bandwidth that a megabyte finds. Lower quartiles, for what
 * else a machine does only ever adds.
 * @param echo sends bytes, whose memory is then its own, and resolves when a short answer is here
 * @throws what `echo` throws, or the signal's reason
 */
export async function timeEcho(
  echo: (payload: Buffer<ArrayBuffer>) => Promise<void>,
  signal?: AbortSignal,
): Promise<LinkTimes> {
  const roundTripMs = lowerQuartile(await repeat(smallRounds, 16, echo, signal));
  const largeMs = lowerQuartile(await repeat(largeRounds, largeBytes, echo, signal));
  const transferMs = Math.max(largeMs - roundTripMs, 0.001);
  return { roundTripMs, bytesPerSecond: (largeBytes / transferMs) * 1000 };
}

/** Rounds one after another, ms each; the first two warm up and do not count. */
async function repeat(
  count: number,
  sizeBytes: number,
  echo: (payload: Buffer<ArrayBuffer>) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < count + 2; index++) {
    signal?.throwIfAborted();
    const payload = Buffer.from(new ArrayBuffer(sizeBytes));
    const startedMs = performance.now();
    await echo(payload);
    times.push(performance.now() - startedMs);
  }
  return times.slice(2);
}

function lowerQuartile(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 2] ?? 0;
}
