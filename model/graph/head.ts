import type { Manifest } from "../store/manifest.js";
import type { BlobTensors } from "./blob-tensors.js";
import type { GraphBuilder } from "./graph-builder.js";
import { ProductInput, product } from "./product.js";
import type { ResidualStream } from "./residual-stream.js";
import { graphOutputs } from "./stage-graph-io.js";

/** Final norm and head over the rows that are left in the stream: logits and the most likely tokens. */
export function head(
  graph: GraphBuilder,
  manifest: Manifest,
  { embed, head: blob }: { embed: BlobTensors; head: BlobTensors },
  stream: ResidualStream,
): void {
  const { hiddenSize, vocabularySize, tiedEmbedding } = manifest.config;
  const normed = stream.normed(blob.tensor("norm"));
  const weights = tiedEmbedding ? embed : blob;
  const packed = weights.product(tiedEmbedding ? "embed" : "head");
  const logits = product(graph, weights, new ProductInput(graph, normed, hiddenSize), packed);
  graph.output(graphOutputs.logits, logits, "f32", ["R", vocabularySize]);
  const best = graph.op("ArgMax", [logits], { axis: 1, keepdims: 1 });
  const bestLogits = graph.op("GatherElements", [logits, best], { axis: 1 });
  const flat = graph.integers(-1);
  graph.output(graphOutputs.best, graph.op("Reshape", [best, flat]), "i64", ["R"]);
  graph.output(graphOutputs.bestLogits, graph.op("Reshape", [bestLogits, flat]), "f32", ["R"]);
}
