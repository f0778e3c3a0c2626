/** When things happened to one request, milliseconds after the start of the run. */
export interface RequestTimes {
  readonly startMs: number;
  /** One a token, in order. */
  readonly tokensMs: readonly number[];
  readonly promptTokens: number;
}

/** A distribution of times in milliseconds. */
export interface Distribution {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/** What a run of a workload came to; the names are those of `vllm bench serve`. */
export interface RunSummary {
  readonly requests: number;
  readonly durationMs: number;
  /** Prompt and output tokens a second over the whole run. */
  readonly totalTokensPerSecond: number;
  /** Output tokens a second over the whole run, prefill time included. */
  readonly outputTokensPerSecond: number;
  /**
   * Output tokens a second while nothing but decoding went on: between the last request's first token and the
   * first request's last. NaN when the requests did not overlap so.
   */
  readonly decodeTokensPerSecond: number;
  /** Output tokens that came in that time; few of them make a poor figure. */
  readonly decodeTokens: number;
  /** Prompt tokens a second until the last first token, for requests that all start at once. */
  readonly prefillTokensPerSecond: number;
  readonly timeToFirstTokenMs: Distribution;
  readonly interTokenMs: Distribution;
  readonly endToEndMs: Distribution;
}

/** Sums a run up. */
export function summarize(requests: readonly RequestTimes[]): RunSummary {
  const startMs = Math.min(...requests.map((request) => request.startMs));
  const endMs = Math.max(...requests.map((request) => request.tokensMs.at(-1) ?? request.startMs));
  const durationMs = endMs - startMs;
  const promptTokens = requests.reduce((sum, request) => sum + request.promptTokens, 0);
  const outputTokens = requests.reduce((sum, request) => sum + request.tokensMs.length, 0);
  const lastFirstMs = Math.max(...requests.map((request) => request.tokensMs[0] ?? endMs));
  return {
    requests: requests.length,
    durationMs,
    totalTokensPerSecond: perSecond(promptTokens + outputTokens, durationMs),
    outputTokensPerSecond: perSecond(outputTokens, durationMs),
    ...decodeRate(requests, lastFirstMs),
    prefillTokensPerSecond: perSecond(promptTokens, lastFirstMs - startMs),
    timeToFirstTokenMs: distribution(
      requests.map((request) => (request.tokensMs[0] ?? endMs) - request.startMs),
    ),
    interTokenMs: distribution(requests.flatMap(({ tokensMs }) => differences(tokensMs))),
    endToEndMs: distribution(requests.map((request) => (request.tokensMs.at(-1) ?? endMs) - request.startMs)),
  };
}

/** The middle value; the mean of the two middle ones of an even count; NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  if (sorted.length === 0) return Number.NaN;
  return Number.isInteger(middle)
    ? ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
    : (sorted[Math.floor(middle)] ?? 0);
}

function decodeRate(
  requests: readonly RequestTimes[],
  lastFirstMs: number,
): Pick<RunSummary, "decodeTokens" | "decodeTokensPerSecond"> {
  const firstLastMs = Math.min(...requests.map((request) => request.tokensMs.at(-1) ?? lastFirstMs));
  if (firstLastMs <= lastFirstMs) return { decodeTokens: 0, decodeTokensPerSecond: Number.NaN };
  const decodeTokens = requests
    .flatMap((request) => request.tokensMs)
    .filter((atMs) => atMs > lastFirstMs && atMs <= firstLastMs).length;
  return { decodeTokens, decodeTokensPerSecond: perSecond(decodeTokens, firstLastMs - lastFirstMs) };
}

/** Times between neighbours. */
export function differences(timesMs: readonly number[]): number[] {
  return timesMs.slice(1).map((atMs, index) => atMs - (timesMs[index] ?? 0));
}

/** Mean and percentiles; NaN of nothing. */
export function distribution(values: readonly number[]): Distribution {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { mean, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

function perSecond(count: number, durationMs: number): number {
  return durationMs > 0 ? (count / durationMs) * 1000 : Number.NaN;
}
