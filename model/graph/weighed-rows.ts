import type { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";
import { graphInputs } from "./stage-graph-io.js";

/**
 * What drawing from a whole vocabulary takes, so that no logits leave the GPU: weights `exp((logit - largest) /
 * temperature)` are summed over runs of neighbouring tokens, the running sums go out, and with them the logits of the
 * run that a random number's share of the total falls into. So a token is drawn by inverting the distribution over
 * ascending ids, to f32. Sums are ReduceSum's and CumSum's, for CUDA multiplies f32 matrices with 10 bits of mantissa;
 * ReduceSum has a kernel of its own there, which ReduceMax lacks.
 *
 * @param scores f16 `[R, vocabularySize]`
 * @param largest f32 `[R]`: the largest of each row
 * @returns running sums f32 `[W, runs]`, the drawn runs i32 `[W, 1]`, counted through all rows, and their logits f32
 * `[W, 1, runLength]`
 */
export function weighedRows(
  graph: GraphBuilder,
  scores: string,
  largest: string,
  vocabularySize: number,
): { readonly running: string; readonly run: string; readonly drawn: string } {
  const { runCount, runLength } = tokenRuns(vocabularySize);
  const wide = (value: string) => graph.op("Cast", [value], { to: elementTypes.f32 });
  const whole = (value: string) => graph.op("Cast", [value], { to: elementTypes.i32 });
  const weighed = graph.input(graphInputs.weighedRows, "f32", ["W", 4]);
  const [row, inverse, random, firstRun] = graph.ops("Split", 4, [weighed], { axis: 1, num_outputs: 4 }) as [
    string,
    string,
    string,
    string,
  ];
  const place = whole(row);
  const logits = wide(graph.op("Gather", [scores, graph.op("Reshape", [place, graph.integers(-1)])]));
  const below = graph.op("Sub", [logits, graph.op("Gather", [largest, place])]);
  const weights = graph.op("Exp", [graph.op("Mul", [below, inverse])]);
  const runs = graph.op("Reshape", [weights, graph.integers(-1, runCount, runLength)]);
  const sums = graph.op("ReduceSum", [runs, graph.integers(2)], { keepdims: 0 });
  const running = graph.op("CumSum", [sums, graph.integers(1)]);
  const total = graph.op("Gather", [running, graph.integers(runCount - 1)], { axis: 1 });
  const passed = wide(graph.op("LessOrEqual", [running, graph.op("Mul", [random, total])]));
  const passedCount = graph.op("ReduceSum", [passed, graph.integers(1)], { keepdims: 1 });
  const run = whole(graph.op("Add", [passedCount, firstRun]));
  const drawn = graph.op("Gather", [graph.op("Reshape", [scores, graph.integers(-1, runLength)]), run]);
  return { running, run, drawn: wide(drawn) };
}

/** How a vocabulary is cut into runs: by the divisor nearest to `wantedLength`, by ratio, that is not tiny. */
export function tokenRuns(vocabularySize: number): { readonly runCount: number; readonly runLength: number } {
  const distance = (length: number) => Math.abs(Math.log(length / wantedLength));
  let runLength = vocabularySize;
  for (let length = leastLength; length <= vocabularySize; length++) {
    if (vocabularySize % length === 0 && distance(length) < distance(runLength)) runLength = length;
  }
  return { runCount: vocabularySize / runLength, runLength };
}

/** About the root of today's vocabularies. */
const wantedLength = 256;
/** Running sums take time by the square of their number. */
const leastLength = 16;
