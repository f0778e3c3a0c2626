import { Tensor } from "onnxruntime-node";
import type { StageRun } from "./stage-run.js";

const hidden = Number.NEGATIVE_INFINITY;

/** What each new token sees, see `mask` in stage-graph-io.ts. `group` query heads share the keys of one. */
export function runMask(run: StageRun, group: number): Tensor {
  const { form } = run.arena.shape;
  if (run.decode) {
    const mask = stepMask(run);
    const inner = form === "int8" ? [1, 1] : [1, 1, 1];
    return new Tensor("float32", mask, [run.slices.length, ...inner, mask.length / run.slices.length]);
  }
  // GroupQueryAttention of f32 needs none.
  if (form === "f32") return new Tensor("float32", new Float32Array(1), [1, 1, 1, 1, 1]);
  const length = run.slices[0]?.length ?? 0;
  const mask = chunkMask(run, group);
  return new Tensor("float32", mask, [1, 1, group * length, run.arena.capacity + length]);
}

/** `[rows, capacity + 1]` */
function stepMask({ arena: { capacity }, slices }: StageRun): Float32Array {
  const mask = new Float32Array(slices.length * (capacity + 1));
  slices.forEach(({ context }, row) => {
    const start = row * (capacity + 1);
    mask.fill(hidden, start + context, start + capacity);
  });
  return mask;
}

/** `[group * length, capacity + length]`: of the new tokens, each sees those before it and itself. */
function chunkMask({ arena: { capacity }, slices }: StageRun, group: number): Float32Array {
  const { context, length } = slices[0] ?? { context: 0, length: 0 };
  const width = capacity + length;
  const mask = new Float32Array(group * length * width);
  for (let token = 0; token < length; token++) {
    const start = token * width;
    mask.fill(hidden, start + context, start + capacity);
    mask.fill(hidden, start + capacity + token + 1, start + width);
  }
  for (let head = 1; head < group; head++) mask.copyWithin(head * length * width, 0, length * width);
  return mask;
}
