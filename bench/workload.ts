/** What a benchmark asks of a server. Equal settings give equal requests. */
export interface WorkloadOptions {
  readonly requests: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly vocabularySize: number;
  /** Requests a second, Poisson; absent: all are there at the start and concurrency decides. */
  readonly requestRate?: number;
  readonly seed: number;
}

/** One request of a workload. */
export interface WorkloadRequest {
  /** After the start of the run. */
  readonly arrivalMs: number;
  readonly promptIds: readonly number[];
  readonly outputTokens: number;
}

/** Ids below are control tokens in most vocabularies. */
const firstOrdinaryId = 1000;

/** Random prompts without a common prefix, so that no prefix cache can help. */
export function makeWorkload(options: WorkloadOptions): WorkloadRequest[] {
  const random = generator(options.seed);
  const span = Math.max(1, options.vocabularySize - firstOrdinaryId);
  const first = Math.min(firstOrdinaryId, options.vocabularySize - 1);
  let arrivalMs = 0;
  return Array.from({ length: options.requests }, () => {
    if (options.requestRate !== undefined)
      arrivalMs += (-Math.log(1 - random()) / options.requestRate) * 1000;
    return {
      arrivalMs,
      promptIds: Array.from({ length: options.promptTokens }, () => first + Math.floor(random() * span)),
      outputTokens: options.outputTokens,
    };
  });
}

/** Mulberry32: small, seeded, good enough for token ids. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
