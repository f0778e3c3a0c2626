import { mixRuns } from "./mix-runs.js";

/**
 * Turns rows of the residual stream, `[rows, hiddenSize]` in place, into the coordinates in which a rotated model
 * keeps it: random but fixed signs, then `mixRuns`. Weights that read the stream are turned by the same call on
 * their rows of inputs, those that write it on their rows of outputs, and the model computes what it did before.
 * @throws StagecoachError INVALID_ARGUMENT when the values are no whole number of rows.
 */
export function rotateResidual(values: Float32Array, hiddenSize: number): void {
  const signs = signsOf(hiddenSize);
  for (let start = 0; start < values.length; start += hiddenSize) {
    for (let i = 0; i < hiddenSize; i++) {
      values[start + i] = (values[start + i] as number) * (signs[i] as number);
    }
  }
  mixRuns(values, hiddenSize);
}

/** ±1 from the top bit of a linear congruential generator, so that every machine packs the same blobs. */
function signsOf(size: number): Int8Array {
  let state = 7;
  return Int8Array.from({ length: size }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 31 === 1 ? 1 : -1;
  });
}
