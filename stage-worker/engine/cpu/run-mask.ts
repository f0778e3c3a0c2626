import { Tensor } from "onnxruntime-node";
import { longestSlice, type RunGroup } from "./stage-run.js";

const hidden = Number.NEGATIVE_INFINITY;

/** What each step sees, see `mask` in stage-graph-io.ts. */
export function stepMask({ arena: { capacity, shape }, slices }: RunGroup): Tensor {
  const width = capacity + 1;
  const mask = new Float32Array(slices.length * width);
  slices.forEach(({ context }, row) => {
    mask.fill(hidden, row * width + context, row * width + capacity);
  });
  const inner = shape.form === "int8" ? [1, 1] : [1, 1, 1];
  return new Tensor("float32", mask, [slices.length, ...inner, width]);
}

/**
 * What each token of chunks sees, see `chunkMask` in stage-graph-io.ts: of the new tokens those before it and itself,
 * which hides what is added to a shorter chunk. `group` query heads share the keys of one.
 */
export function chunkMask({ arena: { capacity }, slices }: RunGroup, group: number): Tensor {
  const length = longestSlice(slices);
  const width = capacity + length;
  const size = length * width;
  const mask = new Float32Array(slices.length * group * size);
  slices.forEach(({ context }, row) => {
    const first = row * group * size;
    for (let token = 0; token < length; token++) {
      const start = first + token * width;
      mask.fill(hidden, start + context, start + capacity);
      mask.fill(hidden, start + capacity + token + 1, start + width);
    }
    for (let head = 1; head < group; head++) mask.copyWithin(first + head * size, first, first + size);
  });
  return new Tensor("float32", mask, [slices.length, 1, group * length, width]);
}
