import { parseArgs } from "node:util";
import { StagecoachError } from "../../common/errors.js";
import { type Home, homeAt } from "../../common/home.js";
import { type Variant, variants } from "../../model/store/manifest.js";
import { modelShapes, type ShapeName } from "./random-model.js";

/** What can be measured, in the order of the report. */
export const partNames = [
  "engine",
  "hf",
  "one",
  "http",
  "long-prompt",
  "sampling",
  "two",
  "two-in-one",
  "four",
  "four-in-one",
  "mixed",
  "cards",
  "memory",
] as const;
export type PartName = (typeof partNames)[number];
/** Parts that need no cluster that stays. */
export const lonePartNames = ["engine", "hf", "memory"] as const satisfies readonly PartName[];
export type LonePartName = (typeof lonePartNames)[number];

/** What `gpu-bench` is told; complete. */
export interface GpuBenchOptions {
  readonly shape: ShapeName;
  readonly variant: Variant;
  /** Of the GPU's stages; `cuda`, `cuda:1`, `webgpu`, `cpu`. */
  readonly device: string;
  /** Those of a stage each in `cards`. */
  readonly cards: string;
  readonly parts: readonly PartName[];
  /** Requests at once, ascending. */
  readonly concurrencies: readonly number[];
  readonly rounds: number;
  readonly promptTokens: number;
  readonly outputTokens: number;
  readonly longPromptTokens: number;
  /** Chunks of prompts that the engine alone reads. */
  readonly prefillTokens: readonly number[];
  /** Absent: the program's own. */
  readonly maxBatchTokens?: number;
  /** Of the CPU's stage in `mixed`, and of every stage on a CPU. */
  readonly threads?: number;
  readonly python: string;
  readonly home: Home;
  readonly outputPath: string;
  /** After so many seconds nothing more is measured. */
  readonly budgetSeconds: number;
}

/** What to do. */
export type GpuBenchCommand =
  | { readonly kind: "measure"; readonly options: GpuBenchOptions }
  /** Print a report's tables. */
  | { readonly kind: "table"; readonly path: string }
  | { readonly kind: "help" };

export const gpuBenchUsage = `Measures one GPU: the engine alone, whole clusters, transformers' generate, in one run; writes JSON.

  node dist/bench/gpu/gpu-bench.js --shape SHAPE --home DIR --output FILE [options]
  node dist/bench/gpu/gpu-bench.js --table FILE            the same as Markdown tables

  --shape SHAPE         ${Object.keys(modelShapes).join(", ")}: random weights, kept in the home
  --parts LIST          of ${partNames.join(",")}
                        (default: all but cards)
  --concurrency LIST    requests at once (default: 1,16,64,128,256)
  --rounds N            medians are of so many (default: 3)
  --budget-s N          nothing more is measured after so many seconds (default: 540)
  --device NAME         cuda, cuda:N, webgpu or cpu (default: cuda)
  --cards LIST          GPUs of a stage each in one process, for cards (default: cuda:0,cuda:1)
  --variant NAME        form of the weights (default: f16)
  --prompt-tokens N, --output-tokens N                     (default: 128 and 128)
  --long-prompt-tokens N                                   (default: 2048)
  --prefill LIST        chunks that the engine alone reads (default: 512,2048)
  --max-batch-tokens N  of the clusters (default: theirs)
  --threads N           of a CPU's stage (default: half of the processors)
  --python FILE         has torch and transformers (default: python3)`;

/** @throws StagecoachError INVALID_ARGUMENT naming the option, its value and what is allowed */
export function parseGpuBench(args: readonly string[]): GpuBenchCommand {
  const given = readFlags(args);
  if (given.help) return { kind: "help" };
  if (given.table !== undefined) return { kind: "table", path: given.table };
  const { shape = "", home, output, threads } = given;
  if (!Object.hasOwn(modelShapes, shape)) throw invalid("shape", shape, Object.keys(modelShapes).join(", "));
  if (home === undefined) throw invalid("home", "", "a folder with room for the model");
  if (output === undefined) throw invalid("output", "", "the path of the JSON file to write");
  const variant = variants.find((name) => name === given.variant);
  if (variant === undefined) throw invalid("variant", given.variant, variants.join(", "));
  const maxBatchTokens = given["max-batch-tokens"];
  return {
    kind: "measure",
    options: {
      shape: shape as ShapeName,
      variant,
      device: given.device,
      cards: given.cards,
      parts: partsOf(given.parts),
      concurrencies: counts("concurrency", given.concurrency).sort((a, b) => a - b),
      rounds: count("rounds", given.rounds),
      promptTokens: count("prompt-tokens", given["prompt-tokens"]),
      outputTokens: count("output-tokens", given["output-tokens"]),
      longPromptTokens: count("long-prompt-tokens", given["long-prompt-tokens"]),
      prefillTokens: counts("prefill", given.prefill),
      ...(maxBatchTokens !== undefined && { maxBatchTokens: count("max-batch-tokens", maxBatchTokens) }),
      ...(threads !== undefined && { threads: count("threads", threads) }),
      python: given.python,
      home: homeAt(home),
      outputPath: output,
      budgetSeconds: count("budget-s", given["budget-s"]),
    },
  };
}

function readFlags(args: readonly string[]) {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        shape: text,
        home: text,
        output: text,
        table: text,
        threads: text,
        "max-batch-tokens": text,
        parts: { ...text, default: partNames.filter((name) => name !== "cards").join(",") },
        concurrency: { ...text, default: "1,16,64,128,256" },
        rounds: { ...text, default: "3" },
        device: { ...text, default: "cuda" },
        cards: { ...text, default: "cuda:0,cuda:1" },
        variant: { ...text, default: "f16" },
        "prompt-tokens": { ...text, default: "128" },
        "output-tokens": { ...text, default: "128" },
        "long-prompt-tokens": { ...text, default: "2048" },
        prefill: { ...text, default: "512,2048" },
        python: { ...text, default: "python3" },
        "budget-s": { ...text, default: "540" },
        help: { type: "boolean", default: false },
      },
    });
    return values;
  } catch (cause) {
    throw new StagecoachError("INVALID_ARGUMENT", cause instanceof Error ? cause.message : String(cause));
  }
}

function partsOf(text: string): PartName[] {
  const wanted = text.split(",");
  const unknown = wanted.find((name) => !partNames.some((part) => part === name));
  if (unknown !== undefined) throw invalid("parts", unknown, partNames.join(", "));
  return partNames.filter((part) => wanted.includes(part));
}

function counts(name: string, text: string): number[] {
  return text.split(",").map((each) => count(name, each));
}

function count(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw invalid(name, text, "whole numbers from 1 on");
  return value;
}

function invalid(name: string, value: string, allowed: string): StagecoachError {
  return new StagecoachError("INVALID_ARGUMENT", `--${name} is ${JSON.stringify(value)}: give ${allowed}`);
}
