import { float32ToFloat16 } from "../../common/half-float.js";
import type { ModelConfig } from "../config.js";
import { rotaryTables } from "../rope.js";
import type { AttentionForm } from "./attention-form.js";
import { type CacheDims, transferWithin } from "./block-transfer.js";
import type { GraphBuilder } from "./graph-builder.js";
import { qkvProduct } from "./product.js";
import { keyCache, pagedInputs, valueCache } from "./stage-graph-io.js";

/** KV in blocks, all of a layer's in two tensors `[blockCount, blockSize, kvHeadCount, headSize]` of f16. */
export interface PagedKv {
  readonly blockCount: number;
  readonly blockSize: number;
  /** Positions that rotary tables cover. */
  readonly maxContext: number;
  /**
   * A file of zeros, as long as one tensor at least, in or below the model's folder: the caches are constants of the
   * graph, which the provider keeps on its device and changes in place. Without it they are inputs.
   */
  readonly zerosFile?: string;
  /** Whether runs can read and write blocks; see `transferInputs`. Defaults to false. */
  readonly transfer?: boolean;
  /** Whether a run's small inputs come as one tensor; see `packedInputs`. Defaults to false. */
  readonly packedIntegers?: boolean;
}

/**
 * Attention over KV in blocks (PagedAttention; vLLM, Kwon et al., 2023): new tokens of several sequences, whether
 * they decode or read their prompts, are packed, and each sees its own blocks. Rotation, and writing the new keys
 * and values into the cache, happen inside the operator.
 */
export function pagedAttention(
  graph: GraphBuilder,
  config: ModelConfig,
  kv: PagedKv,
  layers: { readonly firstLayer: number; readonly endLayer: number },
): AttentionForm {
  const { headCount, kvHeadCount, headSize, ropeInterleaved } = config;
  const tables = rotaryTables(config, kv.maxContext);
  const table = (name: string, values: Float32Array) =>
    graph.halves(name, [kv.maxContext, config.ropeDimension / 2], float32ToFloat16(values));
  const dims: CacheDims = [kv.blockCount, kv.blockSize, kvHeadCount, headSize];
  const cache = (name: string) => {
    if (kv.zerosFile === undefined) return graph.input(name, "f16", dims);
    const sizeBytes = 2 * dims.reduce((product, size) => product * size, 1);
    return graph.external(name, "f16", dims, { file: kv.zerosFile, offsetBytes: 0, sizeBytes });
  };
  return {
    heads: (blob, input, layer) => {
      const packed = qkvProduct(graph, blob, input);
      const inputs = [
        ...[packed, "", "", cache(keyCache(layer)), cache(valueCache(layer))],
        graph.input(pagedInputs.starts, "i32", ["B + 1"]),
        graph.input(pagedInputs.pasts, "i32", ["B"]),
        graph.input(pagedInputs.blockTable, "i32", ["B", "N"]),
        ...[table("rotary_cos", tables.cos), table("rotary_sin", tables.sin), "", "", "", "", "", ""],
        graph.input(pagedInputs.longest, "i32", [2]),
      ];
      return graph.within("attention", () =>
        graph.fused("PagedAttention", inputs, {
          num_heads: headCount,
          kv_num_heads: kvHeadCount,
          do_rotary: 1,
          rotary_interleaved: ropeInterleaved ? 1 : 0,
        }),
      );
    },
    finish: () => {
      if (kv.transfer === true) transferWithin(graph, config, layers, { dims, cache });
    },
  };
}
