import { LineFit } from "./line-fit.js";

/** What a micro-batch carried, and how long it held up the pipeline's bottleneck. */
export interface StepSample {
  readonly decodeRows: number;
  readonly prefillTokens: number;
  readonly ms: number;
}

/** Where nothing is known of prompts: a token costs at most as much as a row that decodes. */
const rowsPerPromptToken = 1;

/** Variance of pieces' tokens from which on their fixed part is not a guess. */
const tellingSpread = 400;

/**
 * How long micro-batches take, learnt from those that passed: a line over the rows that decode, and another over
 * the tokens of prompts for what these add. Decoding is learnt from steps without prompts, so that a change of mix
 * does not shift it.
 */
export class StepTimes {
  readonly #decode = new LineFit(0.25);
  readonly #prompts = new LineFit(4);

  observe({ decodeRows, prefillTokens, ms }: StepSample): void {
    if (!(ms > 0)) return;
    if (prefillTokens > 0) this.#prompts.add(prefillTokens, Math.max(ms - this.#decodeMs(decodeRows), 0.01));
    else if (decodeRows > 0) this.#decode.add(decodeRows, ms);
  }

  /** Milliseconds of a step that decodes so many rows and nothing else; undefined before any was seen. */
  decodeMs(rows: number): number | undefined {
    return this.#decode.isEmpty ? undefined : this.#decodeMs(rows);
  }

  /** The tokens of prompts that take so many milliseconds beside decoding; undefined before any step was seen. */
  promptTokensIn(ms: number): number | undefined {
    if (!this.#prompts.isEmpty) return (ms - this.#prompts.fixed) / Math.max(1e-4, this.#prompts.slope);
    if (this.#decode.isEmpty) return undefined;
    return (rowsPerPromptToken * ms) / Math.max(1e-4, this.#decode.at(1));
  }

  /** What a piece of a prompt takes however short it is, in tokens; undefined before pieces differed enough to tell. */
  get fixedPromptTokens(): number | undefined {
    if (this.#prompts.spread < tellingSpread) return undefined;
    return this.#prompts.fixed / Math.max(1e-4, this.#prompts.slope);
  }

  #decodeMs(rows: number): number {
    return rows === 0 ? 0 : this.#decode.at(rows);
  }
}
