import { expect, test } from "vitest";
import { stageState, workerStatus } from "../test/fixtures/cluster-status.js";
import { renderWorkers, workerColumns } from "./worker-columns.js";

const { stage, layers, state, blocks, hop } = workerColumns;

test("what a worker does not have is a dash, and a stage without layers has none", () => {
  const { stageIndex: _, ...idle } = { ...workerStatus, stage: null };
  const headAlone = { ...stageState, firstLayer: 16, endLayer: 16, hopP50Us: 0 };
  const workers = [
    workerStatus,
    { ...workerStatus, stage: headAlone },
    { ...workerStatus, stage: null },
    idle,
  ];
  const lines = renderWorkers([stage, layers, state, blocks, hop], workers).split("\n");
  expect(lines.map((line) => line.trim().split(/\s{2,}/))).toEqual([
    ["STAGE", "LAYERS", "STATE", "BLOCKS", "HOP P50"],
    ["0", "0-15", "READY", "3/64", "0.42 ms"],
    ["0", "none", "READY", "3/64", "-"],
    ["0", "-", "IDLE", "-", "-"],
    ["-", "-", "IDLE", "-", "-"],
  ]);
});

test("weights tell their form where a device chose it", () => {
  const packed = { ...workerStatus, stage: { ...stageState, weights: "packed" } };
  const lines = renderWorkers([workerColumns.weights], [workerStatus, packed]).split("\n");
  expect(lines.slice(1).map((line) => line.trim())).toEqual(["1.0 KiB", "1.0 KiB packed"]);
});

test("a table may give a column a title of its own", () => {
  expect(renderWorkers([{ ...layers, title: "PART" }], [workerStatus]).split("\n")[0]).toBe("PART");
});
