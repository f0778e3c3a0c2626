import { seededRandom } from "./random.js";

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
  const random = seededRandom(options.seed);
  let arrivalMs = 0;
  return Array.from({ length: options.requests }, () => {
    if (options.requestRate !== undefined)
      arrivalMs += (-Math.log(1 - random()) / options.requestRate) * 1000;
    return {
      arrivalMs,
      promptIds: randomIds(options.promptTokens, options.vocabularySize, random),
      outputTokens: options.outputTokens,
    };
  });
}

/** Ordinary token ids; a vocabulary too small to have any gives its last ones. */
export function randomIds(count: number, vocabularySize: number, random: () => number): number[] {
  const span = Math.max(1, vocabularySize - firstOrdinaryId);
  const first = Math.min(firstOrdinaryId, vocabularySize - 1);
  return Array.from({ length: count }, () => first + Math.floor(random() * span));
}

/** The same arrivals and lengths with other tokens, so that a prefix cache knows nothing of them. */
export function freshPrompts(
  workload: readonly WorkloadRequest[],
  vocabularySize: number,
  seed: number,
): WorkloadRequest[] {
  const random = seededRandom(seed);
  return workload.map(({ promptIds, ...request }) => ({
    ...request,
    promptIds: randomIds(promptIds.length, vocabularySize, random),
  }));
}

/** The first requests of a workload with other tokens, so that nothing is cached for it, and few to generate. */
export function warmUpOf(workload: readonly WorkloadRequest[], requests: number): WorkloadRequest[] {
  return workload.slice(0, requests).map((request) => ({
    arrivalMs: 0,
    promptIds: request.promptIds.toReversed(),
    outputTokens: Math.min(8, request.outputTokens),
  }));
}
