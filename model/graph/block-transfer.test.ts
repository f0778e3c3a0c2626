import { expect, test } from "vitest";
import { paperManifest } from "../../test/fixtures/stage-fixtures.js";
import { GraphBuilder } from "./graph-builder.js";
import { pagedAttention } from "./paged-attention.js";
import { transferInputs, transferOutputs } from "./stage-graph-io.js";

function finished(change: { transfer?: boolean }) {
  const graph = new GraphBuilder();
  const kv = { blockCount: 8, blockSize: 32, maxContext: 64, ...change };
  pagedAttention(graph, paperManifest().config, kv, { firstLayer: 1, endLayer: 3 }).finish();
  return graph.graph();
}

test("a stage's graph that moves no blocks pays nothing for it", () => {
  expect(finished({})).toMatchObject({ nodes: [], inputs: [], outputs: [] });
  expect(finished({ transfer: false })).toEqual(finished({}));
});

test("one that does has the caches of its own layers, and reads and writes them in one If", () => {
  const { nodes, inputs, outputs } = finished({ transfer: true });
  expect(nodes.map(({ operator }) => operator)).toEqual(["If", "Identity", "Identity"]);
  expect(outputs.map(({ name }) => name)).toEqual([transferOutputs.content, transferOutputs.done]);
  const { keys: _keys, values: _values, ...inGraph } = transferInputs;
  const caches = ["key_cache.1", "value_cache.1", "key_cache.2", "value_cache.2"];
  expect(inputs.map(({ name }) => name).toSorted()).toEqual(
    [...Object.values(inGraph), ...caches].toSorted(),
  );
});
