import { type InferenceSession, Tensor } from "onnxruntime-node";
import { transferInputs, transferOutputs } from "../../../model/graph/stage-graph-io.js";

/** Moves KV of whole blocks between a stage's caches and memory; parts are as in `BlockContent`. */
export interface BlockMover {
  /** What every other run of the stage's graph has to be fed for it. */
  readonly idleFeeds: Readonly<Record<string, Tensor>>;
  read(blocks: readonly number[]): Promise<readonly Uint16Array[]>;
  write(blocks: readonly number[], parts: readonly Uint16Array[]): Promise<void>;
  close(): Promise<void>;
}

/** Each block is a sequence of so many tokens. */
export function writeFeeds(blocks: readonly number[], tokens: number): Record<string, Tensor> {
  const count = blocks.length;
  const int32 = (values: Int32Array, shape: number[] = [values.length]) => new Tensor("int32", values, shape);
  return {
    [transferInputs.starts]: int32(Int32Array.from({ length: count + 1 }, (_, index) => index * tokens)),
    [transferInputs.pasts]: int32(new Int32Array(count)),
    [transferInputs.blockTable]: int32(Int32Array.from(blocks), [count, 1]),
    [transferInputs.longest]: int32(Int32Array.of(tokens, tokens)),
  };
}

/** What was read, by its bits: newer versions of Node give a Float16Array. */
export function halvesOf(
  outputs: Readonly<Record<string, InferenceSession.OnnxValueMapType[string]>>,
): Uint16Array {
  const { buffer, byteOffset, length } = (outputs[transferOutputs.content] as Tensor).data as Uint16Array;
  return new Uint16Array(buffer, byteOffset, length);
}
