import type { YardstickOptions } from "../../bench/yardstick.js";

/** The options of `bench` itself. */
export interface SingleFlags {
  readonly requests: number;
  readonly concurrency?: number;
  readonly requestRate?: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly warmUp: number;
  readonly rounds: number;
  /** Of the prompts' tokens. */
  readonly seed: number;
  readonly trace?: string;
  readonly burstiness: number;
  readonly goodput?: readonly string[];
  readonly sweep?: readonly number[];
  readonly plot?: string;
  readonly compare?: readonly ("llama.cpp" | "static")[];
  readonly compareFormat: YardstickOptions["format"];
  readonly compareThreads?: number;
  readonly suite: boolean;
  readonly json: boolean;
  readonly markdown: boolean;
}
