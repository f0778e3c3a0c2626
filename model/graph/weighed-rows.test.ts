import { InferenceSession, Tensor } from "onnxruntime-node";
import { expect, test } from "vitest";
import { randomFloats, seededRandom } from "../../test/fixtures/random.js";
import { GraphBuilder } from "./graph-builder.js";
import { graphInputs, graphOutputs } from "./stage-graph-io.js";
import { tokenRuns, weighedRows } from "./weighed-rows.js";

test.each([
  [49_152, 192, 256],
  [128_256, 501, 256],
  [151_936, 1187, 128],
  [32_001, 3, 10_667],
  [32_003, 1, 32_003],
  [50, 1, 50],
  [7, 1, 7],
])("a vocabulary of %i is %i runs of %i", (vocabularySize, runCount, runLength) => {
  expect(tokenRuns(vocabularySize)).toEqual({ runCount, runLength });
});

test("running sums of weights, and the run that a random number falls into", async () => {
  const vocabularySize = 1280;
  const { runCount, runLength } = tokenRuns(vocabularySize);
  expect(runCount).toBe(5);
  const rows = [
    randomFloats(vocabularySize, seededRandom(1), 6),
    randomFloats(vocabularySize, seededRandom(2), 3),
  ];
  const session = await InferenceSession.create(graphOver(vocabularySize), { logSeverityLevel: 3 });
  const weighed = [0, 0.1, 0.3, 0.5, 0.7, 0.9, 1 - 2 ** -23].flatMap((random) => [
    { row: 1, temperature: 1, random },
    { row: 0, temperature: 2.5, random },
  ]);
  const outputs = await session.run({
    scores: new Tensor("float32", Float32Array.from(rows.flatMap((row) => [...row])), [2, vocabularySize]),
    largest: new Tensor(
      "float32",
      Float32Array.from(rows, (row) => Math.max(...row)),
      [2],
    ),
    [graphInputs.weighedRows]: new Tensor(
      "float32",
      Float32Array.from(
        weighed.flatMap(({ row, temperature, random }) => [row, 1 / temperature, random, row * runCount]),
      ),
      [weighed.length, 4],
    ),
  });
  const running = outputs[graphOutputs.runningSums]?.data as Float32Array;
  const runs = outputs[graphOutputs.drawnRuns]?.data as Int32Array;
  const drawn = outputs[graphOutputs.drawnLogits]?.data as Float32Array;
  for (const [index, { row, temperature, random }] of weighed.entries()) {
    const logits = rows[row] as Float32Array;
    const weights = Array.from(logits, (logit) => Math.exp((logit - Math.max(...logits)) / temperature));
    const sums = Array.from({ length: runCount }, (_, run) =>
      weights.slice(0, (run + 1) * runLength).reduce((one, other) => one + other, 0),
    );
    for (const [run, sum] of sums.entries()) {
      expect((running[index * runCount + run] as number) / sum).toBeCloseTo(1, 5);
    }
    const run = sums.findIndex((sum) => sum > random * (sums.at(-1) as number));
    expect(runs[index]).toBe(row * runCount + run);
    expect(drawn.slice(index * runLength, (index + 1) * runLength)).toEqual(
      logits.slice(run * runLength, (run + 1) * runLength),
    );
  }
  await session.release();
});

/** A graph of nothing but this, over f32. */
function graphOver(vocabularySize: number): Uint8Array {
  const graph = new GraphBuilder();
  const scores = graph.input("scores", "f32", ["R", vocabularySize]);
  const parts = weighedRows(graph, scores, graph.input("largest", "f32", ["R"]), vocabularySize);
  const { runCount, runLength } = tokenRuns(vocabularySize);
  graph.output(graphOutputs.runningSums, parts.running, "f32", ["W", runCount]);
  graph.output(graphOutputs.drawnRuns, parts.run, "i32", ["W", 1]);
  graph.output(graphOutputs.drawnLogits, parts.drawn, "f32", ["W", 1, runLength]);
  return graph.model();
}
