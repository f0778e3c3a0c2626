import type { ModelQuality } from "../store/manifest.js";

/** Compares two rows of logits that come in stretches of the vocabulary, so that neither has to be held whole. */
export class StepComparison {
  #exact = new RunningSoftmax();
  #other = new RunningSoftmax();
  /** Sum of exp(exact - largest exact) · (exact - other). */
  #weighted = 0;
  #best = { exact: Number.NEGATIVE_INFINITY, other: 0, id: -1 };
  #second = { exact: Number.NEGATIVE_INFINITY, other: 0 };
  #otherBest = { logit: Number.NEGATIVE_INFINITY, id: -1 };

  /** The logits of tokens `firstId…`. */
  add(firstId: number, exact: Float32Array, other: Float32Array): void {
    for (let i = 0; i < exact.length; i++) {
      const x = exact[i] as number;
      const y = other[i] as number;
      if (x > this.#best.exact) {
        this.#second = this.#best;
        this.#best = { exact: x, other: y, id: firstId + i };
      } else if (x > this.#second.exact) this.#second = { exact: x, other: y };
      if (y > this.#otherBest.logit) this.#otherBest = { logit: y, id: firstId + i };
    }
    this.#weighted *= this.#exact.raiseTo(this.#best.exact);
    this.#other.raiseTo(this.#otherBest.logit);
    for (let i = 0; i < exact.length; i++) {
      const x = exact[i] as number;
      const y = other[i] as number;
      this.#weighted += this.#exact.add(x) * (x - y);
      this.#other.add(y);
    }
  }

  get sameToken(): boolean {
    return this.#best.id === this.#otherBest.id;
  }

  get kl(): number {
    return this.#weighted / this.#exact.total - this.#exact.logTotal + this.#other.logTotal;
  }

  get marginChange(): number {
    return Math.abs(this.#best.exact - this.#second.exact - (this.#best.other - this.#second.other));
  }
}

/** @returns undefined of no steps. */
export function summarize(steps: readonly StepComparison[]): ModelQuality | undefined {
  if (steps.length === 0) return undefined;
  const changes = steps.map(({ marginChange }) => marginChange).sort((a, b) => a - b);
  const at = (share: number) =>
    changes[Math.min(changes.length - 1, Math.floor(share * changes.length))] as number;
  return {
    steps: steps.length,
    sameToken: steps.filter(({ sameToken }) => sameToken).length / steps.length,
    klMean: steps.reduce((sum, { kl }) => sum + kl, 0) / steps.length,
    marginChange: { median: at(0.5), p99: at(0.99), max: changes.at(-1) as number },
  };
}

/** A sum of exponentials relative to the largest logit so far. */
class RunningSoftmax {
  total = 0;
  #largest = Number.NEGATIVE_INFINITY;

  /** Takes a new largest logit; returns what sums so far are multiplied by. */
  raiseTo(largest: number): number {
    const factor = this.total === 0 ? 0 : Math.exp(this.#largest - largest);
    this.#largest = largest;
    this.total *= factor;
    return factor;
  }

  add(logit: number): number {
    const value = Math.exp(logit - this.#largest);
    this.total += value;
    return value;
  }

  get logTotal(): number {
    return Math.log(this.total) + this.#largest;
  }
}
