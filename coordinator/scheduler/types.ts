import type { SequenceClosing } from "../../common/frame-codec.js";
import type { Sampling } from "../../proto/gen/stagecoach/v1/Sampling.js";
import type { TargetItl } from "./prompt-budget.js";

/** What the scheduler needs to know of a request; text never reaches it. */
export interface SequenceRequest {
  /** Chosen by the caller, unique for ever. */
  readonly requestId: string;
  readonly promptIds: Uint32Array;
  readonly sampling: Sampling;
  /** Tokens to generate at most; the scheduler clips it to what the context leaves after the prompt. */
  readonly maxTokens: number;
  /** A sampled token among these ends the sequence; it is not part of the output. */
  readonly stopTokenIds: ReadonlySet<number>;
  /**
   * The request whose prompt this one shares (`n` > 1): it waits until that is computed, then starts from its
   * blocks. Of no consequence when that request is over.
   */
  readonly forkOf?: string;
  /** Lower goes first, as in vLLM. Defaults to 0. */
  readonly priority?: number;
  /** Whose share of the service it takes; all without one share one. */
  readonly user?: string;
}

/** How sequences are let in: whenever there is room, or a batch at a time when the last one is done. */
export type Batching = "continuous" | "static";

/** Limits of the pipeline that is scheduled. */
export interface SchedulerOptions {
  readonly laneCount: number;
  readonly blockSize: number;
  /** KV blocks of the pipeline: the smallest stage's. */
  readonly blockCount: number;
  /** Sequences admitted at once; `max_num_seqs` of vLLM. */
  readonly maxSequences: number;
  /**
   * Tokens a micro-batch, decode and prefill together. Decoding goes first, so a budget below
   * `maxSequences / laneCount` lets running sequences hold new prompts up.
   */
  readonly tokenBudget: number;
  /** Prompt and output together. */
  readonly maxContext: number;
  /**
   * Requests that may wait beside those about to be admitted; one more is refused. Users of whom none waits may
   * take up to an eighth more, so that a flood from one does not keep others out.
   */
  readonly maxWaiting: number;
  /** Whether KV of what was computed is found again. Defaults to true. */
  readonly prefixCache?: boolean;
  /**
   * Whether a sequence may begin inside a block that is cached, which stages then copy from. Where one of them cannot,
   * all begin after whole blocks. Defaults to true.
   */
  readonly beginsInsideBlocks?: boolean;
  /** Longest time between two tokens of a sequence while prompts are read, ms. Defaults to auto. */
  readonly targetItlMs?: TargetItl;
  /**
   * Decode steps that may pass while a request waits for want of prompt tokens in the budget; then prompts get
   * the whole budget once, whatever it costs those that run (TGI's `max_waiting_tokens`). Defaults to 256.
   */
  readonly maxWaitingTokens?: number;
  /** Defaults to continuous. */
  readonly batching?: Batching;
  /**
   * Where a round of all lanes takes less than so many ms, the only lane, or that of the only request, gets a second
   * micro-batch behind the first, put together before the first one's tokens are known: for a pipeline whose first stage
   * gets those tokens before anybody else. Infinity does so however long it takes. Defaults to 0, never.
   */
  readonly sendAheadBelowMs?: number;
}

/** One slice of a micro-batch; see Forward in stage.proto. */
export interface Slice {
  readonly sequenceId: number;
  readonly contextLength: number;
  /** `sampledToken` alone where the token is still to be sampled by a micro-batch before this one. */
  readonly tokenIds: Uint32Array;
  readonly sample: boolean;
  readonly newBlocks: readonly number[];
}

/** What travels the pipeline once. Sequences in `opened` are announced before, those in `closed` freed before. */
export interface MicroBatch {
  readonly lane: number;
  readonly opened: readonly OpenedSequence[];
  readonly closed: readonly SequenceClosing[];
  /** Decoding slices first. May be empty when there is only something to close. */
  readonly slices: readonly Slice[];
}

export interface OpenedSequence {
  readonly sequenceId: number;
  readonly requestId: string;
  /** Prompt and, after a preemption, the tokens already generated. */
  readonly tokens: Uint32Array;
  readonly promptLength: number;
  /** Tokens at the beginning that are in KV already. */
  readonly cachedLength: number;
  /** The blocks that hold them; a last one that is only partly used is copied from. */
  readonly cachedBlocks: readonly number[];
  readonly sampling: Sampling;
}

/** A sampled token as it comes back from the last stage. */
export interface TokenResult {
  readonly sequenceId: number;
  readonly tokenId: number;
}

/** What a completed step means for one request. */
export interface Outcome {
  readonly requestId: string;
  /** The token, unless it was a stop token. */
  readonly tokenId: number | undefined;
  /** Set when the sequence is over. */
  readonly finished: "stop" | "length" | undefined;
  /** With a request's first: prompt tokens that were in KV when it was let in. Absent where there were none. */
  readonly cachedTokens?: number;
}

/** What a lane has under way. */
export interface LaneOccupancy {
  readonly decodeRows: number;
  readonly prefillTokens: number;
}

/** The scheduler's state for metrics and `status`. */
export interface SchedulerSnapshot {
  readonly running: number;
  readonly waiting: number;
  /** Blocks that running sequences hold or have reserved for their prompts. */
  readonly blocksUsed: number;
  readonly blocksTotal: number;
  /** Free blocks whose content can still be found. */
  readonly blocksCached: number;
  readonly lanes: readonly LaneOccupancy[];
  /** Sequences thrown out and recomputed since the start, because blocks ran out. */
  readonly preemptions: number;
  /** Prompt tokens looked up in the prefix cache since the start, and those that it had. */
  readonly prefixQueries: number;
  readonly prefixHits: number;
}
