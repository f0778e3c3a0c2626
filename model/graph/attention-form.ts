import type { BlobTensors } from "./blob-tensors.js";
import type { ProductInput } from "./product.js";

/** A way to keep keys and values and to attend to them: what the layers of a graph have in common does not know which. */
export interface AttentionForm {
  /** What the tokens of a layer see, before the output product: `[T, headCount * headSize]`. */
  heads(blob: BlobTensors, input: ProductInput, layer: number): string;
  /** Called after the last layer. */
  finish(): void;
}
