import type { GraphBuilder } from "./graph-builder.js";

/** The residual stream `[T, hiddenSize]`: additions wait for the next norm, which does both in one node. */
export class ResidualStream {
  readonly #graph: GraphBuilder;
  readonly #epsilon: number;
  #value: string;
  #pending: string | undefined;

  constructor(graph: GraphBuilder, value: string, epsilon: number) {
    this.#graph = graph;
    this.#value = value;
    this.#epsilon = epsilon;
  }

  /** Adds a block's output. */
  add(delta: string): void {
    this.#pending = this.#pending === undefined ? delta : this.#graph.op("Add", [this.#pending, delta]);
  }

  /** The stream divided by its root mean square, times `gain`. */
  normed(gain: string): string {
    return this.#graph.within("norm", () => this.#normed(gain));
  }

  #normed(gain: string): string {
    const attributes = { epsilon: { float: this.#epsilon } };
    if (this.#pending === undefined) {
      return this.#graph.op("SimplifiedLayerNormalization", [this.#value, gain], {
        axis: -1,
        stash_type: 1,
        ...attributes,
      });
    }
    const [normed, sum] = this.#graph
      .fusedOutputs(
        "SkipSimplifiedLayerNormalization",
        [this.#value, this.#pending, gain],
        ["used", "unused", "unused", "used"],
        attributes,
      )
      .filter((name) => name !== "") as [string, string];
    this.#value = sum;
    this.#pending = undefined;
    return normed;
  }

  /** Goes on with some rows only: `rows` i64 `[R]`. */
  keepRows(rows: string): void {
    this.#value = this.#graph.op("Gather", [this.value(), rows]);
  }

  /** The stream as it is now. */
  value(): string {
    if (this.#pending !== undefined) {
      this.#value = this.#graph.op("Add", [this.#value, this.#pending]);
      this.#pending = undefined;
    }
    return this.#value;
  }
}
