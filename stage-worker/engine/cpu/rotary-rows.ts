import type { ModelConfig } from "../../../model/config.js";
import { rotaryTables } from "../../../model/rope.js";

/** Positions that the first tables cover; they double from there. */
const firstPositions = 1024;

/** Rotary tables that grow with the longest sequence so far, so that a long context costs nothing unused. */
export class RotaryRows {
  /** Elements of a row: half the rotated dimensions. */
  readonly width: number;
  readonly #config: ModelConfig;
  #positions = 0;
  #tables: { cos: Float32Array; sin: Float32Array } = {
    cos: new Float32Array(0),
    sin: new Float32Array(0),
  };

  constructor(config: ModelConfig) {
    this.#config = config;
    this.width = config.ropeDimension / 2;
  }

  /** Rows `[positions, width]` of cosines and sines for positions `[first, first + count)`. */
  at(first: number, count: number): { cos: Float32Array; sin: Float32Array } {
    if (first + count > this.#positions) {
      this.#positions = firstPositions * 2 ** Math.ceil(Math.log2((first + count) / firstPositions));
      this.#positions = Math.max(firstPositions, this.#positions);
      this.#tables = rotaryTables(this.#config, this.#positions);
    }
    const [from, to] = [first * this.width, (first + count) * this.width];
    return { cos: this.#tables.cos.subarray(from, to), sin: this.#tables.sin.subarray(from, to) };
  }
}
