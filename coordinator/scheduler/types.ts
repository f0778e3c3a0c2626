import type { Sampling } from "../../proto/gen/stagecoach/v1/Sampling.js";

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
}

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
  /** Requests that may wait beside those about to be admitted; one more is refused. */
  readonly maxWaiting: number;
}

/** One slice of a micro-batch; see Forward in stage.proto. */
export interface Slice {
  readonly sequenceId: number;
  readonly contextLength: number;
  readonly tokenIds: Uint32Array;
  readonly sample: boolean;
  readonly newBlocks: readonly number[];
}

/** What travels the pipeline once. Sequences in `opened` are announced before, those in `closed` freed before. */
export interface MicroBatch {
  readonly lane: number;
  readonly opened: readonly OpenedSequence[];
  readonly closed: readonly number[];
  /** Decoding slices first. May be empty when there is only something to close. */
  readonly slices: readonly Slice[];
}

export interface OpenedSequence {
  readonly sequenceId: number;
  readonly requestId: string;
  /** Prompt and, after a preemption, the tokens already generated. */
  readonly tokens: Uint32Array;
  readonly promptLength: number;
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
  readonly lanes: readonly LaneOccupancy[];
  /** Sequences thrown out and recomputed since the start, because blocks ran out. */
  readonly preemptions: number;
}
