/** What a micro-batch carried, and how long it held up the pipeline's bottleneck. */
export interface StepSample {
  readonly decodeRows: number;
  readonly prefillTokens: number;
  readonly ms: number;
}

/** What a sample's weight becomes with each later one of its kind. */
const decay = 0.97;
/** Samples of decoding alone before outliers can be told from the rest. */
const settledSamples = 8;
const outlierFactor = 4;

/**
 * How long micro-batches take, learnt from those that passed: `fixed + perRow * rows + perToken * tokens`, both
 * parts by least squares that forget slowly. Decoding is learnt from steps without prompts, so that a change of
 * mix does not shift it; prompts from what they add.
 */
export class StepTimes {
  /** Weighted sums over steps that only decoded: count, rows, rows², ms, rows·ms. */
  readonly #decode = { n: 0, x: 0, xx: 0, y: 0, xy: 0 };
  #decodeSamples = 0;
  /** Over steps with prompts: tokens², tokens·(ms beyond decoding). */
  readonly #prefill = { xx: 0, xy: 0 };

  observe({ decodeRows, prefillTokens, ms }: StepSample): void {
    if (!(ms > 0) || decodeRows + prefillTokens === 0) return;
    if (prefillTokens === 0) this.#observeDecode(decodeRows, this.#clip(ms, this.decodeMs(decodeRows)));
    else this.#observePrefill(prefillTokens, ms - (this.decodeMs(decodeRows) ?? 0));
  }

  /** Milliseconds of a step that decodes so many rows and nothing else; undefined before any was seen. */
  decodeMs(rows: number): number | undefined {
    const { n, x, y } = this.#decode;
    if (n === 0) return undefined;
    if (rows === 0) return this.fixedMs;
    return Math.max(0, y / n + this.#perRow * (rows - x / n));
  }

  /** Milliseconds of a step beside its rows and tokens; undefined before any decoded. */
  get fixedMs(): number | undefined {
    const { n, x, y } = this.#decode;
    return n === 0 ? undefined : Math.max(0, y / n - this.#perRow * (x / n));
  }

  /** Milliseconds that a token of a prompt adds; undefined before one was seen. */
  get perTokenMs(): number | undefined {
    const { xx, xy } = this.#prefill;
    return xx === 0 ? undefined : Math.max(1e-4, xy / xx);
  }

  get #perRow(): number {
    const { n, x, xx, y, xy } = this.#decode;
    // Where all steps had the same rows there is no slope to see; the added weight keeps noise out.
    const variance = xx / n - (x / n) ** 2 + 0.25;
    const slope = (xy / n - (x / n) * (y / n)) / variance;
    return Math.min(Math.max(0, slope), y / x);
  }

  #observeDecode(rows: number, ms: number): void {
    const sums = this.#decode;
    sums.n = sums.n * decay + 1;
    sums.x = sums.x * decay + rows;
    sums.xx = sums.xx * decay + rows * rows;
    sums.y = sums.y * decay + ms;
    sums.xy = sums.xy * decay + rows * ms;
    this.#decodeSamples++;
  }

  #observePrefill(tokens: number, ms: number): void {
    const known = this.perTokenMs;
    const clipped = this.#clip(Math.max(0, ms), known === undefined ? undefined : known * tokens);
    this.#prefill.xx = this.#prefill.xx * decay + tokens * tokens;
    this.#prefill.xy = this.#prefill.xy * decay + tokens * clipped;
  }

  /** A process that was suspended, or a collection of garbage, is not the machine's speed. */
  #clip(ms: number, expected: number | undefined): number {
    if (expected === undefined || this.#decodeSamples < settledSamples) return ms;
    return Math.min(ms, outlierFactor * Math.max(expected, 0.01));
  }
}
