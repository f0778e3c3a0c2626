import { type StepSample, StepTimes } from "./step-times.js";

/** What decides how many prompt tokens the next micro-batch may carry. */
export interface PromptDemand {
  /** Rows that this micro-batch decodes. */
  readonly decodeRows: number;
  /** Sequences that decode, in all lanes. */
  readonly decoding: number;
  /** Sequences that read their prompts or could begin to. */
  readonly prompts: number;
  /** Prompt tokens that those have before them. */
  readonly pendingTokens: number;
  /** Tokens that the micro-batch has room for. */
  readonly tokensLeft: number;
}

/** Longest time between two tokens of a sequence, ms, or what measuring makes of it. */
export type TargetItl = number | "auto";

/** How much longer than decoding alone a step may take while one prompt is read: twice as long at its p99. */
const autoFactor = 1.35;
/** By how much that grows with the prompts that wait beside it, as a share of the sequences that decode. */
const factorPerPrompt = 3;
/** So many more prompts than decoding sequences are worth more than an even flow of tokens. */
const pressingRatio = 2;
/** Prompts never starve. */
const leastTokens = 4;
/** Before anything was measured. */
const firstTokens = 64;
/** Before anything was measured: what a piece takes however short it is, in tokens. */
const assumedFixedTokens = 16;
/** Shorter pieces are all overhead, where nobody waits for them to pass. */
const leastSpread = 16;
const fixedTokens = { least: 4, most: 64 };

/**
 * How many prompt tokens a micro-batch carries. Two limits:
 *
 * - While sequences decode, their step must not take longer than a target: the tokens that fit are worked out
 *   from the measured times (SGLang's dynamic chunking does the same with a quadratic fit).
 * - All lanes are to have work: N tokens in pieces of x take (N/x + lanes - 1) · (fixed + x · perToken) to pass as
 *   many stages, which is least at x = sqrt(N · fixed / ((lanes - 1) · perToken)).
 */
export class PromptBudget {
  readonly #laneCount: number;
  readonly #target: TargetItl;
  readonly #times = new StepTimes();

  constructor(laneCount: number, target: TargetItl) {
    this.#laneCount = laneCount;
    this.#target = target;
  }

  observe(sample: StepSample): void {
    this.#times.observe(sample);
  }

  /** How long a micro-batch holds up the bottleneck that decodes so many rows; undefined before any was seen. */
  decodeMs(rows: number): number | undefined {
    return this.#times.decodeMs(rows);
  }

  /** At least 1 while there is any room. */
  tokens(demand: PromptDemand): number {
    const spread = this.#spread(demand.pendingTokens);
    const { decoding, prompts } = demand;
    const pressing = this.#target === "auto" && prompts > pressingRatio * decoding;
    const limit = decoding === 0 || pressing ? spread : Math.min(spread, this.#withinTarget(demand));
    return Math.min(demand.tokensLeft, Math.max(leastTokens, limit));
  }

  /** The size of pieces in which so many tokens pass all stages soonest. */
  #spread(pendingTokens: number): number {
    if (this.#laneCount === 1) return Number.POSITIVE_INFINITY;
    const measured = this.#times.fixedPromptTokens ?? assumedFixedTokens;
    const fixed = Math.min(Math.max(measured, fixedTokens.least), fixedTokens.most);
    return Math.max(leastSpread, Math.ceil(Math.sqrt((pendingTokens * fixed) / (this.#laneCount - 1))));
  }

  /** The tokens that keep a step beside so many rows in time. */
  #withinTarget(demand: PromptDemand): number {
    const decodeMs = this.#times.decodeMs(Math.max(1, demand.decodeRows));
    if (decodeMs === undefined) return firstTokens;
    // A sequence's next token waits for one step of every lane.
    const stepMs = this.#target === "auto" ? factorOf(demand) * decodeMs : this.#target / this.#laneCount;
    return Math.floor(this.#times.promptTokensIn(stepMs - decodeMs) ?? firstTokens);
  }
}

/** The more sequences cannot decode for want of their prompts, the less an even flow is worth. */
function factorOf({ prompts, decoding }: PromptDemand): number {
  return autoFactor + (factorPerPrompt * Math.max(0, prompts - 1)) / Math.max(1, decoding);
}
