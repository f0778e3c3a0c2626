/** What a sample's weight becomes with each later one. */
const decay = 0.97;
/** Samples before outliers can be told from the rest. */
const settledSamples = 8;
const outlierFactor = 2;

/**
 * A line through samples by least squares, which forgets old ones slowly. Where all samples have much the same x
 * there is no slope to see; then half of the mean is taken for proportional to x, half for fixed.
 */
export class LineFit {
  readonly #weightOfPrior: number;
  #samples = 0;
  /** Weighted sums: count, x, x², y, x·y. */
  #n = 0;
  #x = 0;
  #xx = 0;
  #y = 0;
  #xy = 0;

  /** @param weightOfPrior the variance of x at which it counts as much as the assumption */
  constructor(weightOfPrior: number) {
    this.#weightOfPrior = weightOfPrior;
  }

  get isEmpty(): boolean {
    return this.#samples === 0;
  }

  /** Takes a sample with both values above 0; one far above the line counts as only little above it. */
  add(x: number, y: number): void {
    // A process that was suspended, or a collection of garbage, is not the machine's speed.
    const most = this.#samples < settledSamples ? Number.POSITIVE_INFINITY : outlierFactor * this.at(x);
    const clipped = Math.min(y, most);
    this.#n = this.#n * decay + 1;
    this.#x = this.#x * decay + x;
    this.#xx = this.#xx * decay + x * x;
    this.#y = this.#y * decay + clipped;
    this.#xy = this.#xy * decay + x * clipped;
    this.#samples++;
  }

  at(x: number): number {
    return this.fixed + this.slope * x;
  }

  get fixed(): number {
    return this.#n === 0 ? 0 : Math.max(0, (this.#y - this.slope * this.#x) / this.#n);
  }

  /** How far the samples' x are apart: the variance. */
  get spread(): number {
    return this.#n === 0 ? 0 : this.#xx / this.#n - (this.#x / this.#n) ** 2;
  }

  /** From 0 to what a line through the origin has. */
  get slope(): number {
    if (this.#n === 0) return 0;
    const [meanX, meanY] = [this.#x / this.#n, this.#y / this.#n];
    const covariance = this.#xy / this.#n - meanX * meanY;
    const proportional = meanY / meanX;
    const slope =
      (covariance + this.#weightOfPrior * 0.5 * proportional) / (this.spread + this.#weightOfPrior);
    return Math.min(Math.max(0, slope), proportional);
  }
}
