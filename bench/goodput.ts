import type { RequestTimes } from "./statistics.js";

/** Latency limits of a request, milliseconds; absent ones do not count. */
export interface ServiceLimits {
  /** Time to first token. */
  readonly ttft?: number;
  /** Mean time between its tokens. */
  readonly tpot?: number;
  /** Longest time between two of its tokens. */
  readonly itl?: number;
  /** From sending to the last token. */
  readonly e2el?: number;
}

/** How many requests kept every limit. */
export interface Goodput {
  readonly good: number;
  readonly requests: number;
  readonly goodPerSecond: number;
}

/** Requests a second that keep all limits: goodput as DistServe and `vllm bench serve --goodput` mean it. */
export function goodput(requests: readonly RequestTimes[], limits: ServiceLimits): Goodput {
  const good = requests.filter((request) => keeps(request, limits)).length;
  const startMs = Math.min(...requests.map(({ startMs }) => startMs));
  const endMs = Math.max(...requests.map(({ startMs, tokensMs }) => tokensMs.at(-1) ?? startMs));
  return {
    good,
    requests: requests.length,
    goodPerSecond: endMs > startMs ? (good / (endMs - startMs)) * 1000 : Number.NaN,
  };
}

/** `ttft:500` as a limit; undefined for a text that is none. */
export function parseLimit(text: string): ServiceLimits | undefined {
  const [, name, value] = /^(ttft|tpot|itl|e2el):(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  return name === undefined || value === undefined ? undefined : { [name]: Number(value) };
}

function keeps({ startMs, tokensMs }: RequestTimes, limits: ServiceLimits): boolean {
  const [first = Number.POSITIVE_INFINITY] = tokensMs;
  const last = tokensMs.at(-1) ?? Number.POSITIVE_INFINITY;
  const gaps = tokensMs.slice(1).map((atMs, index) => atMs - (tokensMs[index] ?? 0));
  const within = (valueMs: number, limitMs = Number.POSITIVE_INFINITY): boolean => valueMs <= limitMs;
  return (
    within(first - startMs, limits.ttft) &&
    within(gaps.length === 0 ? 0 : (last - first) / gaps.length, limits.tpot) &&
    within(Math.max(0, ...gaps), limits.itl) &&
    within(last - startMs, limits.e2el)
  );
}
