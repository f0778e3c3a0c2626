import type { ModelConfig } from "../../../model/config.js";
import type { RotaryTensors } from "./rotary-tensors.js";

/** What the feeds of every run of a stage depend on. */
export interface FeedContext {
  readonly config: ModelConfig;
  readonly firstLayer: number;
  readonly endLayer: number;
  readonly head: boolean;
  readonly rotary: RotaryTensors;
}
