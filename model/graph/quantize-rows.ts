import type { GraphBuilder } from "./graph-builder.js";

/** Rows `[..., size]` as `(levels - zero) * step * peaks`. */
export interface QuantizedRows {
  /** u8, or i8 for KV. */
  readonly levels: string;
  /** f32 `[]` */
  readonly step: string;
  readonly zero: string;
  /** f32 `[..., 1]`: the largest magnitude of each row. */
  readonly peaks: string;
}

/**
 * Rounds each row by itself to 127ths of its largest magnitude, so that no row depends on those beside it. A row
 * of zeros gets levels of no meaning and a peak of 0, which comes in again after the product.
 */
export function quantizeRows(graph: GraphBuilder, rows: string, type: "u8" | "i8" = "u8"): QuantizedRows {
  const peaks = graph.op("ReduceMax", [graph.op("Abs", [rows]), graph.integers(-1)], { keepdims: 1 });
  const step = graph.scalar(1 / 127);
  const zero = graph.byte(type, type === "u8" ? 128 : 0);
  const levels = graph.op("QuantizeLinear", [graph.op("Div", [rows, peaks]), step, zero]);
  return { levels, step, zero, peaks };
}

/** As quantizeRows, for rows without negative elements: to 255ths, zero being 0. */
export function quantizeShares(graph: GraphBuilder, rows: string): QuantizedRows {
  const peaks = graph.op("ReduceMax", [rows, graph.integers(-1)], { keepdims: 1 });
  const step = graph.scalar(1 / 255);
  const zero = graph.byte("u8", 0);
  const levels = graph.op("QuantizeLinear", [graph.op("Div", [rows, peaks]), step, zero]);
  return { levels, step, zero, peaks };
}
