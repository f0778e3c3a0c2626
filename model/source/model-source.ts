import type { ModelConfig } from "../config.js";
import type { TokenizerSpec } from "../tokenizer/tokenizer-spec.js";

/** How a tensor's elements are stored; GGUF's names, in upper case. */
export type Encoding =
  | "F32"
  | "F16"
  | "BF16"
  | "Q4_0"
  | "Q4_1"
  | "Q5_0"
  | "Q5_1"
  | "Q8_0"
  | "Q2_K"
  | "Q3_K"
  | "Q4_K"
  | "Q5_K"
  | "Q6_K";

/**
 * Canonical tensor names, the same for every source:
 * `embed.weight`, `layers.{i}.attn_norm.weight`, `layers.{i}.{q|k|v|o}.weight`, `layers.{i}.{q|k|v}.bias`,
 * `layers.{i}.ffn_norm.weight`, `layers.{i}.{gate|up|down}.weight`, `norm.weight`, `head.weight`.
 */
export type TensorName = string;

/** Where a tensor is and what it looks like. Matrices are `[outputs, inputs]`, row major. */
export interface TensorInfo {
  readonly name: TensorName;
  readonly shape: readonly number[];
  readonly encoding: Encoding;
  readonly sizeBytes: number;
}

/** Values that the model's publisher recommends for sampling; absent ones have no recommendation. */
export interface GenerationDefaults {
  readonly temperature?: number;
  readonly topK?: number;
  readonly topP?: number;
  readonly minP?: number;
  readonly repetitionPenalty?: number;
}

/** A model as somebody published it: one GGUF file or a folder of safetensors. Opened once, closed after packing. */
export interface ModelSource {
  /** What kind of source this is and the file or folder name, without its path. */
  readonly origin: { readonly kind: "gguf" | "safetensors"; readonly name: string };
  readonly config: ModelConfig;
  readonly tokenizer: TokenizerSpec;
  /** A Jinja chat template, where the model has one. */
  readonly chatTemplate?: string;
  readonly generationDefaults: GenerationDefaults;
  /** True when any matrix is quantized, so that `as-is` differs from `f32`. */
  readonly quantized: boolean;
  /** Every tensor that the config calls for is present with the right shape; opening fails otherwise. */
  tensor(name: TensorName): TensorInfo | undefined;
  /**
   * The stored bytes of a tensor, `sizeBytes` of them.
   * @throws StagecoachError NOT_FOUND for an unknown name, DATA_LOSS when the file ends early.
   */
  read(name: TensorName): Promise<Uint8Array>;
  close(): Promise<void>;
}
