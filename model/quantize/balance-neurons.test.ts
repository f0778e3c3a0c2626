import { expect, test } from "vitest";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { balanceNeurons } from "./balance-neurons.js";
import type { FoldedLayer } from "./fold-layer.js";
import { hadamardRuns } from "./mix-runs.js";

const [hidden, neurons, hadamard, tokens] = [6, 24, 8, 40];
const random = seededRandom(4);
/** Neurons of very different sizes, both in what comes into `down` and in its weights. */
const spread = (i: number) => 10 ** ((i % 5) - 2);
const product = (name: string, inputSize: number, outputSize: number, weight: Float32Array) => ({
  name,
  inputSize,
  outputSize,
  weight,
});
const layer: FoldedLayer = {
  qkv: product("qkv", hidden, 3, randomFloats(3 * hidden, random)),
  o: product("o", hidden, hidden, randomFloats(hidden * hidden, random)),
  gate_up: product("gate_up", hidden, 2 * neurons, randomFloats(2 * neurons * hidden, random)),
  down: { ...product("down", neurons, hidden, randomFloats(neurons * hidden, random)), hadamard },
};
for (let row = 0; row < hidden; row++) {
  for (let i = 0; i < neurons; i++) {
    const at = row * 2 * neurons + neurons + i;
    layer.gate_up.weight[at] = (layer.gate_up.weight[at] as number) * spread(i);
  }
}
const x = randomFloats(tokens * hidden, random);

/** What goes into `down`, and what comes out of it. */
function run({ gate_up, down }: FoldedLayer): { inputs: Float32Array; outputs: Float32Array } {
  const both = multiply(x, gate_up.weight, hidden);
  const inputs = Float32Array.from({ length: tokens * neurons }, (_, i) => {
    const at = Math.floor(i / neurons) * 2 * neurons + (i % neurons);
    return Math.tanh(both[at] as number) * (both[at + neurons] as number);
  });
  hadamardRuns(inputs, hadamard);
  return { inputs, outputs: multiply(inputs, down.weight, neurons) };
}

function multiply(a: Float32Array, b: Float32Array, inner: number): Float32Array {
  const columns = b.length / inner;
  return Float32Array.from({ length: (a.length / inner) * columns }, (_, i) => {
    let sum = 0;
    for (let k = 0; k < inner; k++) {
      sum += (a[Math.floor(i / columns) * inner + k] as number) * (b[k * columns + (i % columns)] as number);
    }
    return sum;
  });
}

function gramOf(inputs: Float32Array): Float32Array {
  const columns = Float32Array.from(
    inputs,
    (_, i) => inputs[(i % tokens) * neurons + Math.floor(i / tokens)] as number,
  );
  return multiply(columns, inputs, tokens);
}

function energy(values: Float32Array): number {
  return values.reduce((sum, value) => sum + value * value, 0);
}

test("a balanced layer computes the same, and its Gram matrix is that of its inputs", () => {
  const before = run(layer);
  const { folded, gram } = balanceNeurons(layer, gramOf(before.inputs));
  const after = run(folded);
  const size = Math.sqrt(energy(before.outputs) / before.outputs.length);
  for (const [i, value] of after.outputs.entries()) {
    expect(Math.abs(value - (before.outputs[i] as number))).toBeLessThan(1e-4 * size);
  }
  const expected = gramOf(after.inputs);
  const largest = Math.max(...expected.map(Math.abs));
  for (const [i, value] of gram.entries()) {
    expect(Math.abs(value - (expected[i] as number))).toBeLessThan(1e-4 * largest);
  }
});

test("rounding a balanced layer costs less", () => {
  const cost = ({ down }: FoldedLayer, inputs: Float32Array) => energy(inputs) * energy(down.weight);
  const before = run(layer);
  const { folded } = balanceNeurons(layer, gramOf(before.inputs));
  expect(cost(folded, run(folded).inputs)).toBeLessThan(0.5 * cost(layer, before.inputs));
});

test("neurons that are always zero stay finite", () => {
  const { folded, gram } = balanceNeurons(layer, new Float32Array(neurons * neurons));
  const values = [...folded.down.weight, ...folded.gate_up.weight, ...gram];
  expect(values.every(Number.isFinite)).toBe(true);
});
