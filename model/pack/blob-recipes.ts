import type { ModelConfig } from "../config.js";
import type { ModelSource, TensorInfo, TensorName } from "../source/model-source.js";
import type { Blob, Variant } from "../store/manifest.js";

/** A matrix of a product: its name in the product, the source's tensor, and its bias. */
export interface PartRecipe {
  readonly name: string;
  readonly tensor: TensorName;
  readonly bias?: TensorName;
}

/** What goes into one blob, in this order. */
export interface BlobRecipe {
  readonly role: Blob["role"];
  readonly layer?: number;
  readonly vectors: readonly { readonly name: string; readonly tensor: TensorName }[];
  readonly products: readonly {
    readonly name: string;
    readonly parts: readonly PartRecipe[];
    readonly embedding: boolean;
  }[];
}

/**
 * The blobs of a model in the manifest's order: embed, layers, head. A tied head has weights of its own in the
 * variant `int8`, which rounds them and keeps the embedding in halves.
 */
export function blobRecipes(config: ModelConfig, variant: Variant): BlobRecipe[] {
  const headTensor = config.tiedEmbedding ? "embed.weight" : "head.weight";
  const head = { name: "head", parts: [{ name: "head", tensor: headTensor }], embedding: false };
  return [
    {
      role: "embed",
      vectors: [],
      products: [{ name: "embed", parts: [{ name: "embed", tensor: "embed.weight" }], embedding: true }],
    },
    ...Array.from({ length: config.layerCount }, (_, layer) => layerRecipe(layer, config)),
    {
      role: "head",
      vectors: [{ name: "norm", tensor: "norm.weight" }],
      products: config.tiedEmbedding && variant !== "int8" ? [] : [head],
    },
  ];
}

function layerRecipe(layer: number, config: ModelConfig): BlobRecipe {
  const at = (tensor: string) => `layers.${layer}.${tensor}`;
  const plain = (name: string) => ({ name, tensor: at(`${name}.weight`) });
  const attention = (name: string) =>
    config.attentionBias ? { ...plain(name), bias: at(`${name}.bias`) } : plain(name);
  return {
    role: "layer",
    layer,
    vectors: [
      { name: "attn_norm", tensor: at("attn_norm.weight") },
      { name: "ffn_norm", tensor: at("ffn_norm.weight") },
    ],
    products: [
      { name: "qkv", parts: ["q", "k", "v"].map(attention), embedding: false },
      { name: "o", parts: [plain("o")], embedding: false },
      { name: "gate_up", parts: ["gate", "up"].map(plain), embedding: false },
      { name: "down", parts: [plain("down")], embedding: false },
    ],
  };
}

/** The source's tensors of a blob, in the order in which they are read. */
export function tensorsOf(recipe: BlobRecipe): TensorName[] {
  return [
    ...recipe.vectors.map(({ tensor }) => tensor),
    ...recipe.products.flatMap(({ parts }) =>
      parts.flatMap(({ tensor, bias }) => (bias === undefined ? [tensor] : [tensor, bias])),
    ),
  ];
}

/** What tells the blobs of a model apart. */
export function blobKey({ role, layer }: Pick<Blob, "role" | "layer">): string {
  return `${role} ${layer ?? ""}`;
}

/** About how many bytes a blob will have. */
export function estimateBytes(source: ModelSource, recipe: BlobRecipe, variant: Variant): number {
  return tensorsOf(recipe).reduce((sum, name) => {
    const info = source.tensor(name);
    if (info === undefined) return sum;
    const halves = variant === "int8" && recipe.role === "embed";
    return sum + elementsOf(info) * (halves ? 2 : bytesPerElement(info, variant));
  }, 0);
}

// Quants, an f32 scale a block, and where the encoding has minima an f32 offset a block.
function bytesPerElement({ shape, encoding }: TensorInfo, variant: Variant): number {
  if (variant === "f16") return 2;
  if (shape.length < 2 || variant === "f32") return 4;
  if (variant === "int8") return 1;
  if (variant === "int4") return 0.5 + 4 / 32;
  switch (encoding) {
    case "F32":
    case "F16":
    case "BF16":
      return 4;
    case "Q4_0":
      return 0.5 + 4 / 32;
    case "Q4_1":
    case "Q4_K":
      return 0.5 + 8 / 32;
    case "Q5_0":
    case "Q8_0":
      return 1 + 4 / 32;
    case "Q5_1":
    case "Q5_K":
      return 1 + 8 / 32;
    case "Q2_K":
    case "Q3_K":
    case "Q6_K":
      return 1 + 4 / 16;
  }
}

function elementsOf({ shape }: TensorInfo): number {
  return shape.reduce((product, size) => product * size, 1);
}
