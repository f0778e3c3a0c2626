import { writeColumns } from "../encoding/write-columns.js";
import type { FoldedLayer } from "./fold-layer.js";
import { hadamardRuns } from "./mix-runs.js";

/** No neuron is scaled by more than this, or less than its inverse, beyond the mean. */
const mostScale = 32;

/**
 * Scales the neurons of a feed-forward, in `up`, and undoes it in `down`, so that rounding the inputs of `down` costs
 * least. All of a row's inputs are rounded with one step, which grows with the neurons' common size z, and the error
 * goes through all weights w of `down`: the sum of (z·s)² times that of (w / s)² is least for s² = w / z. The same
 * scales make the weights' own rounding cost least. (SmoothQuant, Xiao et al., 2022, balances maxima so.)
 *
 * @param gram of the inputs of `down` as the layer has them, after their Hadamard transform
 * @returns the layer and the Gram matrix of its inputs, both new where they change
 */
export function balanceNeurons(
  folded: FoldedLayer,
  gram: Float32Array,
): { folded: FoldedLayer; gram: Float32Array } {
  const { gate_up, down } = folded;
  const { inputSize: neurons, outputSize, hadamard = 1 } = down;
  const rows = transposed(down.weight, outputSize);
  hadamardRuns(rows, hadamard);
  const unmixed = bothSides(gram, neurons, (values) => hadamardRuns(values, hadamard));
  const scales = neuronScales(rows, unmixed, neurons);
  scaleColumns(rows, neurons, (neuron) => 1 / (scales[neuron] as number));
  hadamardRuns(rows, hadamard);
  const balanced = bothSides(unmixed, neurons, (values) => {
    scaleColumns(values, neurons, (neuron) => scales[neuron] as number);
    hadamardRuns(values, hadamard);
  });
  const gateUp = gate_up.weight.slice();
  scaleColumns(gateUp, 2 * neurons, (column) =>
    column < neurons ? 1 : (scales[column - neurons] as number),
  );
  return {
    folded: {
      ...folded,
      gate_up: { ...gate_up, weight: gateUp },
      down: { ...down, weight: transposed(rows, neurons) },
    },
    gram: balanced,
  };
}

/** √(w / z) a neuron, around a geometric mean of 1. */
function neuronScales(rows: Float32Array, gram: Float32Array, neurons: number): Float32Array {
  const weights = new Float64Array(neurons);
  for (let start = 0; start < rows.length; start += neurons) {
    for (let i = 0; i < neurons; i++) weights[i] = (weights[i] as number) + (rows[start + i] as number) ** 2;
  }
  const inputs = Float64Array.from({ length: neurons }, (_, i) => gram[i * neurons + i] as number);
  const [leastWeight, leastInput] = [leastEnergy(weights), leastEnergy(inputs)];
  // A fourth root, since these are energies, and scales are roots of ratios of sizes.
  const logs = weights.map(
    (weight, i) => Math.log(Math.max(weight, leastWeight) / Math.max(inputs[i] as number, leastInput)) / 4,
  );
  const mean = logs.reduce((sum, log) => sum + log, 0) / neurons;
  const most = Math.log(mostScale);
  return Float32Array.from(logs, (log) => Math.exp(Math.max(-most, Math.min(most, log - mean))));
}

/** What rounding of f32 leaves of nothing; the Gram matrix was mixed and unmixed. */
function leastEnergy(energies: Float64Array): number {
  const mean = energies.reduce((sum, energy) => sum + energy, 0) / energies.length;
  return Math.max(1e-6 * mean, 1e-30);
}

/** A symmetric matrix with the same change made of its rows and of its columns. */
function bothSides(
  matrix: Float32Array,
  size: number,
  changeRows: (rows: Float32Array) => void,
): Float32Array {
  const once = matrix.slice();
  changeRows(once);
  const twice = transposed(once, size);
  changeRows(twice);
  return twice;
}

function scaleColumns(rows: Float32Array, columns: number, scale: (column: number) => number): void {
  const scales = Float32Array.from({ length: columns }, (_, column) => scale(column));
  for (let start = 0; start < rows.length; start += columns) {
    for (let i = 0; i < columns; i++) rows[start + i] = (rows[start + i] as number) * (scales[i] as number);
  }
}

function transposed(rows: Float32Array, rowLength: number): Float32Array {
  const columns = new Float32Array(rows.length);
  writeColumns(columns, rows.length / rowLength, 0, rows, rowLength);
  return columns;
}
