import type { Manifest } from "../store/manifest.js";
import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";
import { elementTypes } from "./onnx-writer.js";
import { ProductInput, type UnscaledProduct, unscaledProduct } from "./product.js";
import type { ResidualStream } from "./residual-stream.js";
import { graphInputs, graphOutputs, topCount } from "./stage-graph-io.js";
import { tokenRuns, weighedRows } from "./weighed-rows.js";

/**
 * Final norm and head over the rows that are left in the stream: the most likely token of each, and the logits of
 * those that want them, since they are large.
 */
export function head(
  graph: GraphBuilder,
  manifest: Manifest,
  { embed, head: blob }: { embed: BlobTensors; head: BlobTensors },
  stream: ResidualStream,
  floats: "f32" | "f16",
): void {
  const { hiddenSize, vocabularySize } = manifest.config;
  const input = new ProductInput(graph, stream.normed(blob.floats("norm")), hiddenSize);
  const own = blob.findProduct("head");
  const scores = own
    ? unscaledProduct(graph, blob, input, own)
    : unscaledProduct(graph, embed, input, embed.product("embed"));
  if (floats === "f16") {
    halfScores(graph, scores.value, vocabularySize);
    return;
  }
  wantedLogits(graph, scores, vocabularySize);
  bestTokens(graph, scores, vocabularySize);
}

/**
 * The same outputs of f16 scores on a GPU, where a plain ArgMax is the fastest, and ReduceMax is not: with CUDA it took
 * 11 ms of a step of 17 for 128 rows.
 */
function halfScores(graph: GraphBuilder, scores: string, vocabularySize: number): void {
  const wide = (value: string) => graph.op("Cast", [value], { to: elementTypes.f32 });
  const wanted = graph.op("Gather", [scores, graph.input(graphInputs.logitRows, "i64", ["Q"])]);
  graph.output(graphOutputs.logits, wide(wanted), "f32", ["Q", vocabularySize]);
  const best = graph.op("ArgMax", [scores], { axis: 1, keepdims: 1 });
  const flat = graph.integers(-1);
  graph.output(graphOutputs.best, graph.op("Reshape", [best, flat]), "i64", ["R"]);
  const largest = graph.op("Reshape", [graph.op("GatherElements", [scores, best], { axis: 1 }), flat]);
  const bestLogits = wide(largest);
  graph.output(graphOutputs.bestLogits, bestLogits, "f32", ["R"]);
  rowParts(graph, scores, bestLogits, vocabularySize);
}

/**
 * What tokens are drawn from without whole logits, in a branch of its own: where all are greedy its 25 nodes would be
 * a tenth of a step of one row of a small model (CUDA launches a node in some 10 µs).
 */
function rowParts(graph: GraphBuilder, scores: string, bestLogits: string, vocabularySize: number): void {
  const count = Math.min(topCount, vocabularySize);
  const { runCount, runLength } = tokenRuns(vocabularySize);
  const [drawing, idle] = [graph.branch(), graph.branch()];
  const rows = drawing.op("Gather", [scores, drawing.input(graphInputs.topRows, "i64", ["K"])]);
  const best = drawing.ops("TopK", 2, [rows, drawing.integers(count)], { axis: 1 }) as [string, string];
  const { running, run, drawn } = weighedRows(drawing, scores, bestLogits, vocabularySize);
  const top = drawing.op("Cast", [best[0]], { to: elementTypes.f32 });
  const parts = [
    { name: graphOutputs.topLogits, value: top, type: "f32", shape: ["K", count] },
    { name: graphOutputs.topTokens, value: best[1], type: "i64", shape: ["K", count] },
    { name: graphOutputs.runningSums, value: running, type: "f32", shape: ["W", runCount] },
    { name: graphOutputs.drawnRuns, value: run, type: "i32", shape: ["W", 1] },
    { name: graphOutputs.drawnLogits, value: drawn, type: "f32", shape: ["W", 1, runLength] },
  ] as const;
  for (const { value, type, shape } of parts) {
    drawing.output(graph.branchOutput(), value, type, shape);
    // Of no meaning, and nobody's.
    const nothing = idle.op("Cast", [idle.scalar(0)], { to: elementTypes[type] });
    idle.output(graph.branchOutput(), nothing, type, []);
  }
  const wanted = graph.input(graphInputs.wantsParts, "bool", []);
  const branches = { then_branch: drawing.graph(), else_branch: idle.graph() };
  const values = graph.ops("If", parts.length, [wanted], branches);
  for (const [index, { name, type, shape }] of parts.entries()) {
    graph.output(name, values[index] as string, type, shape);
  }
}

function wantedLogits(
  graph: GraphBuilder,
  { value, rowScales }: UnscaledProduct,
  vocabularySize: number,
): void {
  const rows = graph.input(graphInputs.logitRows, "i64", ["Q"]);
  const wanted = graph.op("Gather", [value, rows]);
  const logits = rowScales ? graph.op("Mul", [wanted, graph.op("Gather", [rowScales, rows])]) : wanted;
  graph.output(graphOutputs.logits, logits, "f32", ["Q", vocabularySize]);
}

/**
 * The first of the largest elements of each row. ArgMax goes through elements one by one, ReduceMax does not: so the
 * run of tokens with the largest is looked for first.
 */
function bestTokens(
  graph: GraphBuilder,
  { value, rowScales }: UnscaledProduct,
  vocabularySize: number,
): void {
  const runLength = runLengthFor(vocabularySize);
  const runs = graph.op("Reshape", [value, graph.integers(-1, vocabularySize / runLength, runLength)]);
  const largest = graph.op("ReduceMax", [runs, graph.integers(2)], { keepdims: 0 });
  const run = graph.op("ArgMax", [largest], { axis: 1, keepdims: 1 });
  const within = graph.op("GatherND", [runs, run], { batch_dims: 1 });
  const place = graph.op("ArgMax", [within], { axis: 1, keepdims: 1 });
  const best = graph.op("Add", [graph.op("Mul", [run, graph.integers(runLength)]), place]);
  const peak = graph.op("GatherElements", [within, place], { axis: 1 });
  const logit = rowScales ? graph.op("Mul", [peak, rowScales]) : peak;
  const flat = graph.integers(-1);
  graph.output(graphOutputs.best, graph.op("Reshape", [best, flat]), "i64", ["R"]);
  graph.output(graphOutputs.bestLogits, graph.op("Reshape", [logit, flat]), "f32", ["R"]);
}

/** The divisor of the vocabulary's size that is closest to its root. */
function runLengthFor(vocabularySize: number): number {
  let length = Math.ceil(Math.sqrt(vocabularySize));
  while (vocabularySize % length !== 0) length++;
  return length;
}
