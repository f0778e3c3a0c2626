import type { StagecoachError } from "../../common/errors.js";
import type { RaggedBatch, SequenceClosing, SequenceOpening, StageInput } from "../../common/frame-codec.js";
import type { Activation, ActivationDtype } from "../../common/tensor.js";
import type { SampledToken } from "../../common/token-codec.js";
import type { Manifest } from "../../model/store/manifest.js";

export type {
  RaggedBatch,
  SamplingParameters,
  SequenceClosing,
  SequenceOpening,
  StageInput,
} from "../../common/frame-codec.js";
export type { SampledToken } from "../../common/token-codec.js";

/**
 * The seam between the pipeline and what computes: a runner holds one stage's weights and KV and computes
 * micro-batches. `session.run` blocks its thread, so a runner lives in the engine's thread, never in gRPC's.
 */
export interface StageRunner {
  /** KV blocks this runner was able to reserve. */
  readonly blockCount: number;
  /** Bytes of weights that it maps or holds. */
  readonly weightBytes: number;
  /** Whether a sequence may be opened with cached tokens that end inside a block. */
  readonly beginsInsideBlocks: boolean;
  /** For people: what takes how much of the device's memory, where that was looked at. */
  readonly memoryUse?: string;
  /**
   * Announces sequences; what never changes about them comes once. The first `cachedLength` tokens of each are
   * in KV already, in `cachedBlocks`: blocks of sequences that are open here or that were kept when one closed.
   * Full ones become the sequence's own, shared with whoever else has them; where cachedLength ends inside the
   * last one, that is only copied from, and the sequence's own block for those positions comes first among the
   * new blocks of its first batch, which is the next one.
   * @throws StagecoachError FAILED_PRECONDITION when that KV is not here, or cachedLength ends inside a block and this
   * runner cannot begin there; the sequences are not open then
   */
  open(sequences: readonly SequenceOpening[]): void;
  /**
   * Computes one micro-batch. The input's memory is given to the runner, the output's to the caller, who
   * transfers it to another thread. Where memory does not hold the whole batch, it is computed in parts, and sequences
   * of which that is true alone are left out of the output.
   * @throws StagecoachError INTERNAL with the sequence ids in its message when the batch cannot be computed,
   * RESOURCE_EXHAUSTED when memory holds no part of it, and what `deviceLost` makes when nothing can be computed any more
   */
  forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput>;
  /** Frees the KV of sequences, except the blocks that are kept: those stay readable until taken as new ones. */
  closeSequences(closings: readonly SequenceClosing[]): void;
  usage(): { blocksUsed: number; sequences: number };
  /**
   * Reads the KV of blocks, for another runner of the same layers. Not while a micro-batch is computed. Absent where
   * `kvTransfer` was not asked for or the runner has no KV.
   * @throws StagecoachError FAILED_PRECONDITION for a block that is not full, RESOURCE_EXHAUSTED when this process has
   * no memory for the content
   */
  exportBlocks?(blocks: readonly number[]): Promise<BlockContent>;
  /**
   * Fills blocks that nobody holds; sequences can be opened on them as on kept ones. Where it fails, nothing can be
   * read of them. Not while a micro-batch is computed; absent as `exportBlocks`.
   * @throws StagecoachError INVALID_ARGUMENT for content of another size, FAILED_PRECONDITION for a block that a
   * sequence holds, that is named twice or does not exist
   */
  importBlocks?(blocks: readonly number[], content: BlockContent): Promise<void>;
  close(): Promise<void>;
}

/**
 * KV of whole blocks as it leaves a runner and comes into another: the same whatever they compute on, and whatever
 * their block sizes are.
 */
export interface BlockContent {
  /** Those of all blocks, one block after another. */
  readonly tokens: number;
  /**
   * Keys, then values of each layer of the stage in turn: bits of f16 `[tokens, kvHeadCount, headSize]`. Keys are
   * rotated by their positions, so a block can only be put where it was in its sequence.
   */
  readonly parts: readonly Uint16Array[];
}

/** Hidden states out of every stage but the last, which gives sampled tokens. */
export type StageOutput = (
  | ({ kind: "hidden" } & Activation)
  | { kind: "tokens"; tokens: readonly SampledToken[] }
) & {
  /** Sequences of the batch that are not in it, and why; absent where all are. */
  readonly failed?: { readonly sequenceIds: readonly number[]; readonly reason: StagecoachError };
};

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
  /** KV blocks to hold; 0 takes as many as fit the memory. */
  readonly blockCount: number;
  readonly maxSequences: number;
  /** Tokens of the largest micro-batch. Defaults to 512. */
  readonly maxBatchTokens?: number;
  readonly laneCount: number;
  /** Longest sequence in tokens. */
  readonly maxContext: number;
  /** Intra-op threads. */
  readonly threads: number;
  /** Memory that weights and KV may take together. */
  readonly memoryLimitBytes: number;
  /** How hidden states come in and go out. Defaults to FLOAT32. */
  readonly activationDtype?: ActivationDtype;
  /** Memory that KV may take, where blocks are not counted. Defaults to what the limit leaves beside the weights. */
  readonly kvMemoryBytes?: number;
  /**
   * Whether blocks are to be exported and imported. On CUDA that is part of the stage's graph, and costs every step.
   * Defaults to false.
   */
  readonly kvTransfer?: boolean;
  /** Packed weights go through CUDA's kernel for few rows (fpA-intB), which takes its time to tune. Defaults to false. */
  readonly fewRowsKernel?: boolean;
  /** Where the runner is to write a profile of every run: the beginning of a path. */
  readonly profileFile?: string;
}
