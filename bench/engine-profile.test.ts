import { expect, test } from "vitest";
import { readEngineProfile } from "./engine-profile.js";

/** Runs as ONNX Runtime writes them: a norm and a product each, `tokens` rows, and an If around a node. */
function profileOf(runs: readonly { tokens: number; productUs: number }[]): string {
  const events = runs.flatMap(({ tokens, productUs }, index) => {
    const start = index * 1e6;
    const node = (name: string, ts: number, dur: number, op = "Mul") => ({
      cat: "Node",
      name: `${name}_kernel_time`,
      ts: start + ts,
      dur,
      args: { op_name: op, output_type_shape: [{ float: [tokens, 8] }] },
    });
    return [
      { cat: "Session", name: "model_run", ts: start, dur: 2000 + productUs },
      node("norm/v1:Norm", 10, 500),
      node("products/v2:MatMul", 600, productUs),
      node("attention/v3:If", 600 + productUs, 900, "If"),
      node("attention/v4:Softmax", 650 + productUs, 800),
    ];
  });
  return JSON.stringify(events);
}

test("the parts of the fastest run asked for add up to it; the first warms up", () => {
  const profile = readEngineProfile(
    profileOf([
      { tokens: 150, productUs: 90_000 },
      { tokens: 4, productUs: 70_000 },
      { tokens: 4, productUs: 6000 },
      { tokens: 4, productUs: 5000 },
    ]),
    4,
  );
  expect(profile).toEqual({
    runs: 2,
    runMs: 7,
    parts: [
      { part: "products", ms: 5, nodes: 1 },
      { part: "attention", ms: 0.8, nodes: 1 },
      { part: "between nodes", ms: 0.7, nodes: 0 },
      { part: "norm", ms: 0.5, nodes: 1 },
    ],
  });
});
