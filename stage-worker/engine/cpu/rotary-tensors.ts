import { Tensor } from "onnxruntime-node";
import type { ModelConfig } from "../../../model/config.js";
import { rotaryTables } from "../../../model/rope.js";

/** Positions that the first tables cover; they double from there. */
const firstPositions = 1024;

/** Rotary tables that grow with the longest sequence so far, so that a long context costs nothing unused. */
export class RotaryTensors {
  readonly #config: ModelConfig;
  #positions = 0;
  #tables: { cos: Tensor; sin: Tensor } | undefined;

  constructor(config: ModelConfig) {
    this.#config = config;
  }

  /** f32 `[at least positions, ropeDimension / 2]` */
  upTo(positions: number): { cos: Tensor; sin: Tensor } {
    if (this.#tables && positions <= this.#positions) return this.#tables;
    const doublings = Math.max(0, Math.ceil(Math.log2(positions / firstPositions)));
    this.#positions = firstPositions * 2 ** doublings;
    const { cos, sin } = rotaryTables(this.#config, this.#positions);
    const shape = [this.#positions, this.#config.ropeDimension / 2];
    this.#tables = { cos: new Tensor("float32", cos, shape), sin: new Tensor("float32", sin, shape) };
    return this.#tables;
  }
}
