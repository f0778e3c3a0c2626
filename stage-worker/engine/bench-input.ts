import { type ActivationDtype, newActivation } from "../../common/tensor.js";
import type { Manifest } from "../../model/store/manifest.js";
import type { StageInput } from "./stage-runner.js";

/** Inputs of made-up values, made once a size: between two runs there is only time for a copy. */
export class BenchInput {
  readonly #config: Pick<Manifest["config"], "vocabularySize" | "hiddenSize">;
  readonly #dtype: ActivationDtype | undefined;
  readonly #known = new Map<number, StageInput>();

  /** @param dtype of hidden states; absent makes token ids */
  constructor(
    config: Pick<Manifest["config"], "vocabularySize" | "hiddenSize">,
    dtype: ActivationDtype | undefined,
  ) {
    this.#config = config;
    this.#dtype = dtype;
  }

  /** A copy, since a runner is given the memory. */
  of(tokens: number): StageInput {
    const known = this.#known.get(tokens) ?? this.#make(tokens);
    this.#known.set(tokens, known);
    if (known.kind === "tokens") return { ...known, tokenIds: known.tokenIds.slice() };
    return { ...known, data: known.data.slice(), ...(known.scales && { scales: known.scales.slice() }) };
  }

  #make(tokens: number): StageInput {
    const { vocabularySize, hiddenSize } = this.#config;
    if (this.#dtype === undefined) {
      const tokenIds = Uint32Array.from({ length: tokens }, (_, index) => (index * 7919) % vocabularySize);
      return { kind: "tokens", tokenIds };
    }
    const { data, scales, dtype } = newActivation(this.#dtype, tokens, hiddenSize);
    for (let index = 0; index < data.length; index++) data[index] = element(dtype, index);
    scales?.fill(1 / 128);
    return { kind: "hidden", dtype, data, ...(scales && { scales }) };
  }
}

/** Between -1 and 1, as its dtype writes it. Zeros and subnormals take other paths than real activations. */
function element(dtype: ActivationDtype, index: number): number {
  const mixed = Math.imul(index + 1, 0x9e37_79b1) >>> 0;
  const sign = mixed >>> 31 === 0 ? 0 : 0x8000;
  switch (dtype) {
    case "FLOAT32":
      return Math.sin(index);
    case "FLOAT16":
      return sign | 0x3800 | (mixed & 0x3ff);
    case "BFLOAT16":
      return sign | 0x3f00 | (mixed & 0x7f);
    case "INT8":
      return (mixed & 0xff) - 128;
  }
}
