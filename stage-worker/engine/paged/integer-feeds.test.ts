import { expect, test } from "vitest";
import { graphInputs, packedInputs, pagedInputs } from "../../../model/graph/stage-graph-io.js";
import { packedFeeds, type SmallInputs, separateFeeds } from "./integer-feeds.js";

const last: SmallInputs = {
  values: {
    [graphInputs.topRows]: [0],
    [graphInputs.logitRows]: [],
    [graphInputs.sampleRows]: [0, 3],
    [pagedInputs.blockTable]: Int32Array.of(4, 0, 5, 6),
    [pagedInputs.pasts]: [7, 40],
    [pagedInputs.starts]: Int32Array.of(0, 1, 4),
  },
  tableWidth: 2,
  weighedRows: [0, 1.25, 0.5, 0, 1, 2, 0.1, 64],
};

function shown(feeds: ReturnType<typeof packedFeeds>) {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, dims, data }]) => [
      name,
      { type, dims, data: Array.from(data as Int32Array, Number) },
    ]),
  );
}

test("packs integers in the graph's order, whatever order they come in", () => {
  expect(shown(packedFeeds(last))).toEqual({
    [packedInputs.integers]: {
      type: "int32",
      dims: [12],
      data: [...[0, 1, 4], ...[7, 40], ...[4, 0, 5, 6], ...[0, 3], 0],
    },
    [packedInputs.sizes]: { type: "int64", dims: [6], data: [3, 2, 4, 2, 0, 1] },
    [packedInputs.tableShape]: { type: "int64", dims: [2], data: [2, 2] },
    [packedInputs.weighedRows]: { type: "float64", dims: [2, 4], data: last.weighedRows },
  });
});

test("packs what a stage has alone", () => {
  const values = { [graphInputs.tokens]: Uint32Array.of(9, 8) };
  expect(shown(packedFeeds({ values, tableWidth: 0 }))).toEqual({
    [packedInputs.integers]: { type: "int32", dims: [2], data: [9, 8] },
    [packedInputs.sizes]: { type: "int64", dims: [1], data: [2] },
  });
});

test("gives each its own tensor where that costs nothing", () => {
  const feeds = shown(separateFeeds(last));
  expect(Object.keys(feeds).toSorted()).toEqual(
    [...Object.keys(last.values), graphInputs.weighedRows].toSorted(),
  );
  expect(feeds[pagedInputs.blockTable]).toEqual({ type: "int32", dims: [2, 2], data: [4, 0, 5, 6] });
  expect(feeds[graphInputs.sampleRows]).toEqual({ type: "int64", dims: [2], data: [0, 3] });
  expect(feeds[graphInputs.weighedRows]).toMatchObject({ type: "float32", dims: [2, 4] });
});
