import type { ModelConfig } from "../config.js";

/** Where a format keeps the numbers of a ModelConfig. */
export interface ConfigKeys {
  readonly layerCount: string;
  readonly hiddenSize: string;
  readonly headCount: string;
  /** Absent in the file: as many as heads. */
  readonly kvHeadCount: string;
  /** Absent in the file: hidden size by heads. */
  readonly headSize: string;
  readonly feedForwardSize: string;
  readonly contextLength: string;
  readonly normEpsilon: string;
  readonly ropeBase: string;
}

/** A setting that changes what the model computes, of which only some values are supported. */
export interface Restriction {
  readonly key: string;
  /** Supported values; an absent setting always is. */
  readonly allowed: readonly unknown[];
  /** What the setting asks for, as it follows "asks for". */
  readonly meaning: string;
}

/** Attention to the last few tokens only, which is not supported where it is shorter than the context. */
export interface SlidingWindow {
  readonly key: string;
  /** A setting that turns the window on; without one, the window alone does. */
  readonly switchKey?: string;
  /** The window when the setting is absent. */
  readonly defaultSize?: number;
}

/** How one format writes an architecture down. */
export interface FormatDescription {
  /** GGUF's `general.architecture`, Hugging Face's `model_type`. */
  readonly name: string;
  readonly keys: ConfigKeys;
  readonly ropeInterleaved: boolean;
  readonly restrictions: readonly Restriction[];
  readonly slidingWindow: SlidingWindow;
  /** Canonical name → name in the file; `{i}` is the layer. */
  readonly tensorNames: Readonly<Record<string, string>>;
  /** Tensors that may be there and mean nothing to us. */
  readonly ignoredTensors: RegExp;
}

/** A size of a tensor, resolved by the config. */
export type Dimension = "hidden" | "heads" | "kvHeads" | "feedForward" | "vocabulary";

/** An architecture in all formats that can be read. */
export interface Architecture {
  readonly architecture: ModelConfig["architecture"];
  readonly attentionBias: boolean;
  /** Canonical name → shape, row major; `{i}` is the layer. */
  readonly tensors: Readonly<Record<string, readonly Dimension[]>>;
  /** Absent where nobody writes the architecture in that format. */
  readonly gguf?: FormatDescription;
  readonly huggingFace?: FormatDescription;
}

const tensors: Architecture["tensors"] = {
  "embed.weight": ["vocabulary", "hidden"],
  "layers.{i}.attn_norm.weight": ["hidden"],
  "layers.{i}.q.weight": ["heads", "hidden"],
  "layers.{i}.k.weight": ["kvHeads", "hidden"],
  "layers.{i}.v.weight": ["kvHeads", "hidden"],
  "layers.{i}.o.weight": ["hidden", "heads"],
  "layers.{i}.ffn_norm.weight": ["hidden"],
  "layers.{i}.gate.weight": ["feedForward", "hidden"],
  "layers.{i}.up.weight": ["feedForward", "hidden"],
  "layers.{i}.down.weight": ["hidden", "feedForward"],
  "norm.weight": ["hidden"],
  "head.weight": ["vocabulary", "hidden"],
};

const biasTensors: Architecture["tensors"] = {
  "layers.{i}.q.bias": ["heads"],
  "layers.{i}.k.bias": ["kvHeads"],
  "layers.{i}.v.bias": ["kvHeads"],
};

const ggufNames = {
  "embed.weight": "token_embd.weight",
  "layers.{i}.attn_norm.weight": "blk.{i}.attn_norm.weight",
  "layers.{i}.q.weight": "blk.{i}.attn_q.weight",
  "layers.{i}.k.weight": "blk.{i}.attn_k.weight",
  "layers.{i}.v.weight": "blk.{i}.attn_v.weight",
  "layers.{i}.o.weight": "blk.{i}.attn_output.weight",
  "layers.{i}.ffn_norm.weight": "blk.{i}.ffn_norm.weight",
  "layers.{i}.gate.weight": "blk.{i}.ffn_gate.weight",
  "layers.{i}.up.weight": "blk.{i}.ffn_up.weight",
  "layers.{i}.down.weight": "blk.{i}.ffn_down.weight",
  "norm.weight": "output_norm.weight",
  "head.weight": "output.weight",
};

const ggufBiasNames = {
  "layers.{i}.q.bias": "blk.{i}.attn_q.bias",
  "layers.{i}.k.bias": "blk.{i}.attn_k.bias",
  "layers.{i}.v.bias": "blk.{i}.attn_v.bias",
};

const huggingFaceNames = {
  "embed.weight": "model.embed_tokens.weight",
  "layers.{i}.attn_norm.weight": "model.layers.{i}.input_layernorm.weight",
  "layers.{i}.q.weight": "model.layers.{i}.self_attn.q_proj.weight",
  "layers.{i}.k.weight": "model.layers.{i}.self_attn.k_proj.weight",
  "layers.{i}.v.weight": "model.layers.{i}.self_attn.v_proj.weight",
  "layers.{i}.o.weight": "model.layers.{i}.self_attn.o_proj.weight",
  "layers.{i}.ffn_norm.weight": "model.layers.{i}.post_attention_layernorm.weight",
  "layers.{i}.gate.weight": "model.layers.{i}.mlp.gate_proj.weight",
  "layers.{i}.up.weight": "model.layers.{i}.mlp.up_proj.weight",
  "layers.{i}.down.weight": "model.layers.{i}.mlp.down_proj.weight",
  "norm.weight": "model.norm.weight",
  "head.weight": "lm_head.weight",
};

const huggingFaceBiasNames = {
  "layers.{i}.q.bias": "model.layers.{i}.self_attn.q_proj.bias",
  "layers.{i}.k.bias": "model.layers.{i}.self_attn.k_proj.bias",
  "layers.{i}.v.bias": "model.layers.{i}.self_attn.v_proj.bias",
};

const ggufKeys: ConfigKeys = {
  layerCount: "block_count",
  hiddenSize: "embedding_length",
  headCount: "attention.head_count",
  kvHeadCount: "attention.head_count_kv",
  headSize: "attention.key_length",
  feedForwardSize: "feed_forward_length",
  contextLength: "context_length",
  normEpsilon: "attention.layer_norm_rms_epsilon",
  ropeBase: "rope.freq_base",
};

const huggingFaceKeys: ConfigKeys = {
  layerCount: "num_hidden_layers",
  hiddenSize: "hidden_size",
  headCount: "num_attention_heads",
  kvHeadCount: "num_key_value_heads",
  headSize: "head_dim",
  feedForwardSize: "intermediate_size",
  contextLength: "max_position_embeddings",
  normEpsilon: "rms_norm_eps",
  ropeBase: "rope_theta",
};

const ggufRestrictions: readonly Restriction[] = [
  { key: "expert_count", allowed: [0], meaning: "a mixture of experts" },
  { key: "attention.scale", allowed: [0], meaning: "its own attention scale" },
  { key: "attention.causal", allowed: [true], meaning: "attention to later tokens" },
  { key: "logit_scale", allowed: [0, 1], meaning: "scaled logits" },
  { key: "residual_scale", allowed: [0, 1], meaning: "scaled residuals" },
  { key: "embedding_scale", allowed: [0, 1], meaning: "scaled embeddings" },
];

const huggingFaceRestrictions: readonly Restriction[] = [
  { key: "hidden_act", allowed: ["silu"], meaning: "another activation than silu" },
  { key: "partial_rotary_factor", allowed: [1], meaning: "heads that are rotated in part" },
  { key: "rope_interleaved", allowed: [false], meaning: "interleaved rotary pairs" },
  { key: "quantization_config", allowed: [], meaning: "quantized safetensors" },
];

const biasRestrictions: readonly Restriction[] = [
  { key: "attention_bias", allowed: [false], meaning: "a bias in every attention product" },
  { key: "mlp_bias", allowed: [false], meaning: "biases in the feed-forward products" },
];

const gguf: Omit<FormatDescription, "name" | "ropeInterleaved"> = {
  keys: ggufKeys,
  restrictions: ggufRestrictions,
  slidingWindow: { key: "attention.sliding_window" },
  tensorNames: ggufNames,
  ignoredTensors: /^rope_freqs\.weight$|\.attn_rot_embd$/,
};

const huggingFace: Omit<FormatDescription, "name"> = {
  keys: huggingFaceKeys,
  ropeInterleaved: false,
  restrictions: huggingFaceRestrictions,
  slidingWindow: { key: "sliding_window" },
  tensorNames: huggingFaceNames,
  ignoredTensors: /\.rotary_emb\.inv_freq$/,
};

/**
 * Every architecture that can be served; a further one is a further entry. Converting to GGUF reorders the rows
 * of llama's q and k, so that rotary pairs are neighbours there; Hugging Face and GGUF's qwen2 keep them in
 * halves of the head. GGUF calls mistral llama.
 */
export const architectures: readonly Architecture[] = [
  {
    architecture: "llama",
    attentionBias: false,
    tensors,
    gguf: { ...gguf, name: "llama", ropeInterleaved: true },
    huggingFace: {
      ...huggingFace,
      name: "llama",
      restrictions: [...huggingFaceRestrictions, ...biasRestrictions],
    },
  },
  {
    architecture: "mistral",
    attentionBias: false,
    tensors,
    // A config.json without the setting means 4,096, as the first Mistral had it; null means none.
    huggingFace: {
      ...huggingFace,
      name: "mistral",
      slidingWindow: { key: "sliding_window", defaultSize: 4096 },
    },
  },
  {
    architecture: "qwen2",
    attentionBias: true,
    tensors: { ...tensors, ...biasTensors },
    gguf: {
      ...gguf,
      name: "qwen2",
      ropeInterleaved: false,
      tensorNames: { ...ggufNames, ...ggufBiasNames },
    },
    huggingFace: {
      ...huggingFace,
      name: "qwen2",
      slidingWindow: { key: "sliding_window", switchKey: "use_sliding_window" },
      tensorNames: { ...huggingFaceNames, ...huggingFaceBiasNames },
    },
  },
];
