import { Tensor } from "onnxruntime-node";
import { graphInputs, packedInputs, packedOrder, pagedInputs } from "../../../model/graph/stage-graph-io.js";
import { integers } from "../ort/integers.js";

/** A run's small inputs that the device reads; which there are follows from the stage. */
export interface SmallInputs {
  readonly values: Readonly<Partial<Record<(typeof packedOrder)[number], ArrayLike<number>>>>;
  /** Blocks a row of the block table, where there is one. */
  readonly tableWidth: number;
  /** Four numbers a row, at the last stage. */
  readonly weighedRows?: readonly number[];
}

const weighedWidth = 4;

/** A tensor for each. */
export function separateFeeds({ values, tableWidth, weighedRows }: SmallInputs): Record<string, Tensor> {
  const feeds: Record<string, Tensor> = {};
  for (const name of packedOrder) {
    const of = values[name];
    if (of === undefined) continue;
    const dims = name === pagedInputs.blockTable ? [of.length / tableWidth, tableWidth] : [of.length];
    feeds[name] = isWide(name)
      ? integers(Array.from(of), dims)
      : new Tensor("int32", Int32Array.from(of), dims);
  }
  if (weighedRows !== undefined) {
    const dims = [weighedRows.length / weighedWidth, weighedWidth];
    feeds[graphInputs.weighedRows] = new Tensor("float32", Float32Array.from(weighedRows), dims);
  }
  return feeds;
}

/** One tensor for the device, and what tells on the CPU how it is cut; see `unpackIntegers`. */
export function packedFeeds({ values, tableWidth, weighedRows }: SmallInputs): Record<string, Tensor> {
  const parts = packedOrder.map((name) => values[name]).filter((part) => part !== undefined);
  const packed = new Int32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let end = 0;
  for (const part of parts) {
    packed.set(part, end);
    end += part.length;
  }
  const table = values[pagedInputs.blockTable];
  return {
    [packedInputs.integers]: new Tensor("int32", packed, [packed.length]),
    [packedInputs.sizes]: integers(parts.map(({ length }) => length)),
    ...(table !== undefined && {
      [packedInputs.tableShape]: integers([table.length / tableWidth, tableWidth]),
    }),
    ...(weighedRows !== undefined && {
      [packedInputs.weighedRows]: new Tensor("float64", Float64Array.from(weighedRows), [
        weighedRows.length / weighedWidth,
        weighedWidth,
      ]),
    }),
  };
}

/** Numbers of rows are i64 where they come alone. */
function isWide(name: (typeof packedOrder)[number]): boolean {
  const { sampleRows, logitRows, topRows } = graphInputs;
  return name === sampleRows || name === logitRows || name === topRows;
}
