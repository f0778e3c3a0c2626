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
  /**
   * Announces sequences; what never changes about them comes once. The first `cachedLength` tokens of each are
   * in KV already, in `cachedBlocks`: blocks of sequences that are open here or that were kept when one closed.
   * Full ones become the sequence's own, shared with whoever else has them; where cachedLength ends inside the
   * last one, that is only copied from, and the sequence's own block for those positions comes first among the
   * new blocks of its first batch, which is the next one.
   * @throws StagecoachError FAILED_PRECONDITION when that KV is not here; the sequences are not open then
   */
  open(sequences: readonly SequenceOpening[]): void;
  /**
   * Computes one micro-batch. The input's memory is given to the runner, the output's to the caller, who
   * transfers it to another thread.
   * @throws StagecoachError INTERNAL with the sequence ids in its message when the batch cannot be computed.
   */
  forward(batch: RaggedBatch, input: StageInput): Promise<StageOutput>;
  /** Frees the KV of sequences, except the blocks that are kept: those stay readable until taken as new ones. */
  closeSequences(closings: readonly SequenceClosing[]): void;
  usage(): { blocksUsed: number; sequences: number };
  close(): Promise<void>;
}

/** Hidden states out of every stage but the last, which gives sampled tokens. */
export type StageOutput =
  | ({ kind: "hidden" } & Activation)
  | { kind: "tokens"; tokens: readonly SampledToken[] };

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
  /** Packed weights go through CUDA's kernel for few rows (fpA-intB), which takes its time to tune. Defaults to false. */
  readonly fewRowsKernel?: boolean;
  /** Where the runner is to write a profile of every run: the beginning of a path. */
  readonly profileFile?: string;
}
