import { type KvForm, kvTokenBytes } from "../../../model/graph/kv-form.js";

/** What the KV of a token is made of at this stage. */
export interface KvShape {
  readonly layers: number;
  readonly kvHeads: number;
  readonly headSize: number;
  /** `int8`: levels of [-127, 127] with an f32 scale a token and head. */
  readonly form: KvForm;
}

/**
 * New tokens of one sequence as the graph returns them: `[tokens, layers, 2, kvHeads, headSize]`; with `int8` levels,
 * and the peaks that they are 127ths of: `[tokens, layers, 2, kvHeads]`.
 */
export interface NewKv {
  readonly values: Float32Array | Int8Array;
  readonly peaks?: Float32Array | undefined;
}

/** Bytes of one token in a row. */
export function tokenBytes({ layers, kvHeads, headSize, form }: KvShape): number {
  return layers * kvTokenBytes({ kvHeadCount: kvHeads, headSize }, form);
}
