import type { Prediction } from "../planner/types.js";

/** What was achieved while so many sequences decoded. */
export interface AchievedRate {
  readonly concurrency: number;
  readonly tokensPerSecond: number;
  readonly seconds: number;
}

/** A micro-batch that came back, as far as rates are concerned. */
export interface RateStep {
  /** Sequences that run now, in the whole cluster. */
  readonly running: number;
  readonly promptTokens: number;
  readonly generatedTokens: number;
}

/** Shorter stretches are mostly beginning and end. */
const leastMs = 500;
/** Older time counts half when so much has been gathered, so that rates follow changes. */
const halvedAtMs = 60_000;

/**
 * Measures decoding by concurrency: tokens over time, while the number of running sequences stays the same and
 * no prompt is read. A stretch begins with the first step after a change and counts when it lasted half a second.
 */
export class DecodeRates {
  readonly #totals = new Map<number, { tokens: number; ms: number }>();
  #stretch: { running: number; startMs: number; lastMs: number; tokens: number } | undefined;

  step({ running, promptTokens, generatedTokens }: RateStep, nowMs: number): void {
    const steady = promptTokens === 0 && this.#stretch?.running === running;
    if (this.#stretch !== undefined && steady) {
      this.#stretch.tokens += generatedTokens;
      this.#stretch.lastMs = nowMs;
      return;
    }
    this.#close();
    this.#stretch =
      promptTokens === 0 && running > 0 ? { running, startMs: nowMs, lastMs: nowMs, tokens: 0 } : undefined;
  }

  /** By concurrency, ascending; with the stretch that goes on. */
  achieved(): AchievedRate[] {
    const totals = new Map(this.#totals);
    const open = this.#openTotal();
    if (open !== undefined) totals.set(open.running, open.total);
    return [...totals]
      .map(([concurrency, { tokens, ms }]) => ({
        concurrency,
        tokensPerSecond: (tokens / ms) * 1000,
        seconds: ms / 1000,
      }))
      .sort((a, b) => a.concurrency - b.concurrency);
  }

  /** Another pipeline serves: what was achieved before says nothing about it. */
  clear(): void {
    this.#totals.clear();
    this.#stretch = undefined;
  }

  #close(): void {
    const open = this.#openTotal();
    if (open === undefined) return;
    const { tokens, ms } = open.total;
    const share = ms > halvedAtMs ? 0.5 : 1;
    this.#totals.set(open.running, { tokens: tokens * share, ms: ms * share });
  }

  #openTotal(): { running: number; total: { tokens: number; ms: number } } | undefined {
    if (this.#stretch === undefined) return undefined;
    const { running, startMs, lastMs, tokens } = this.#stretch;
    if (lastMs - startMs < leastMs) return undefined;
    const before = this.#totals.get(running) ?? { tokens: 0, ms: 0 };
    return { running, total: { tokens: before.tokens + tokens, ms: before.ms + (lastMs - startMs) } };
  }
}

/** Predicted and achieved side by side, by concurrency; either may be unknown. */
export function besidePredictions(
  predictions: readonly Prediction[],
  achieved: readonly AchievedRate[],
): { concurrency: number; predicted: number | undefined; achieved: AchievedRate | undefined }[] {
  const concurrencies = new Set([...predictions, ...achieved].map(({ concurrency }) => concurrency));
  return [...concurrencies]
    .sort((a, b) => a - b)
    .map((concurrency) => ({
      concurrency,
      predicted: predictions.find((each) => each.concurrency === concurrency)?.decodeTokensPerSecond,
      achieved: achieved.find((each) => each.concurrency === concurrency),
    }));
}
