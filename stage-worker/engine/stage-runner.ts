import type { Manifest } from "../../model/store/manifest.js";

/**
 * The seam between the pipeline and what computes: a runner holds one stage's weights and KV and computes
 * micro-batches. `session.run` blocks its thread, so a runner lives in the engine's thread, never in gRPC's.
 */
export interface StageRunner {
  /** KV blocks this runner was able to reserve. */
  readonly blockCount: number;
  /** Bytes of weights that it maps or holds. */
  readonly weightBytes: number;
  /** Announces sequences; what never changes about them comes once. */
  open(sequences: readonly SequenceOpening[]): void;
  /**
   * Computes one micro-batch. The input's memory is given to the runner, the output's to the caller, who
   * transfers it to another thread.
   * @throws StagecoachError INTERNAL with the sequence ids in its message when the batch cannot be computed.
   */
  forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput>;
  /** Frees the KV of sequences. */
  closeSequences(sequenceIds: readonly number[]): void;
  usage(): { blocksUsed: number; sequences: number };
  close(): Promise<void>;
}

/** Packed tokens of several sequences; arrays have one entry a slice, decoding slices (length 1) first. */
export interface RaggedBatch {
  readonly lane: number;
  readonly sequenceIds: readonly number[];
  /** Tokens of the sequence already in KV. */
  readonly contextLengths: readonly number[];
  readonly lengths: readonly number[];
  /** Whether the token after a slice's last one is sampled, at the last stage. */
  readonly sample: readonly boolean[];
  /** KV blocks that each slice adds to its sequence's block table. */
  readonly newBlocks: readonly (readonly number[])[];
}

/** Token ids into the first stage, hidden states into the others. */
export type StageInput =
  | { kind: "tokens"; tokenIds: Uint32Array }
  /** `[tokens, hiddenSize]` f32, row major. */
  | { kind: "hidden"; hidden: Float32Array };

/** Hidden states out of every stage but the last, which gives sampled tokens. */
export type StageOutput =
  | { kind: "hidden"; hidden: Float32Array }
  | { kind: "tokens"; tokens: readonly SampledToken[] };

/** One sampled token; log-probabilities are natural, before temperature. */
export interface SampledToken {
  readonly sequenceId: number;
  readonly tokenId: number;
  readonly logprob?: number;
  readonly top?: readonly { tokenId: number; logprob: number }[];
}

/** See SequenceOpen in proto/stagecoach/v1/stage.proto. */
export interface SequenceOpening {
  readonly sequenceId: number;
  readonly history: Uint32Array;
  readonly promptLength: number;
  readonly sampling: SamplingParameters;
}

/** Complete sampling settings of a sequence; see Sampling in stage.proto for what turns each one off. */
export interface SamplingParameters {
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly presencePenalty: number;
  readonly frequencyPenalty: number;
  readonly logitBias: ReadonlyMap<number, number>;
  readonly seed: number;
  readonly suppressedTokenIds: readonly number[];
  /** Generated length below which suppressed tokens cannot be sampled. */
  readonly suppressedUntilLength: number;
  readonly wantLogprobs: boolean;
  readonly topLogprobs: number;
}

/** What a runner is made from. */
export interface RunnerOptions {
  readonly manifest: Manifest;
  /** Folder with the blobs, named by sha256; graphs are written beside them. */
  readonly blobsFolder: string;
  /** Layers [firstLayer, endLayer); may be empty. */
  readonly firstLayer: number;
  readonly endLayer: number;
  /** Takes token ids and looks up the embedding. */
  readonly embedding: boolean;
  /** Ends with the final norm, head and sampler. */
  readonly head: boolean;
  /** Tokens a KV block. */
  readonly blockSize: number;
  /** KV blocks to hold; 0 takes as many as fit `memoryLimitBytes`. */
  readonly blockCount: number;
  readonly maxSequences: number;
  readonly laneCount: number;
  /** Longest sequence in tokens. */
  readonly maxContext: number;
  /** Intra-op threads. */
  readonly threads: number;
  /** Memory that weights and KV may take together. */
  readonly memoryLimitBytes: number;
}
