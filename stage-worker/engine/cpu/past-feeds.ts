import { Tensor } from "onnxruntime-node";
import type { KvData } from "./copy-lanes.js";
import type { KvArena } from "./kv-arena.js";

/** The past of an arena's first rows. */
export interface PastTensors {
  /** By layer of the stage. */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** KV of integers only. */
  readonly scales: Tensor | undefined;
}

/** The last of each arena. */
const known = new WeakMap<KvArena, { version: number; rows: number; tensors: PastTensors }>();

/** Tensors over the memory of an arena's first rows, made again when the arena moved. */
export function pastTensors(arena: KvArena, rows: number): PastTensors {
  const last = known.get(arena);
  if (last?.version === arena.version && last.rows === rows) return last.tensors;
  const { layers, kvHeads, headSize, form } = arena.shape;
  const { capacity, planes } = arena;
  const inner = form === "int8" ? [] : [1];
  const shape = [rows, kvHeads, ...inner, capacity, headSize];
  const byLayer = Array.from({ length: layers }, (_, layer) => layer);
  const lanes = 2 * layers * kvHeads;
  const tensors = {
    keys: byLayer.map((layer) => tensorOf(planes.keys(layer), shape)),
    values: byLayer.map((layer) => tensorOf(planes.values(layer), shape)),
    scales: form === "int8" ? tensorOf(planes.scales(), [rows, lanes, 1, capacity]) : undefined,
  };
  known.set(arena, { version: arena.version, rows, tensors });
  return tensors;
}

function tensorOf(data: KvData | Float32Array, shape: readonly number[]): Tensor {
  const part = data.subarray(
    0,
    shape.reduce((size, length) => size * length, 1),
  );
  if (part instanceof Float32Array) return new Tensor("float32", part, shape);
  return part instanceof Uint8Array ? new Tensor("uint8", part, shape) : new Tensor("int8", part, shape);
}
