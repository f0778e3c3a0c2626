import { join } from "node:path";
import { packageRoot } from "../../common/package-root.js";
import { inRounds } from "./engine-part.js";
import type { GpuBenchOptions } from "./gpu-bench-options.js";
import type { HuggingFaceReport, HuggingFaceRound } from "./gpu-report.js";
import { jsonLines } from "./json-lines.js";
import { randomConfig } from "./random-model.js";

/** What transformers is run with. */
export interface HfPartContext {
  readonly options: GpuBenchOptions;
  readonly signal: AbortSignal;
  readonly onProgress: (line: string) => void;
}

/**
 * Runs transformers' generate on the same shape, counts and lengths, and tells what there is after every round.
 * @throws StagecoachError why it ended early, such as a Python without transformers
 */
export async function measureHuggingFace(
  { options, signal, onProgress }: HfPartContext,
  onReport: (report: HuggingFaceReport) => Promise<void>,
): Promise<void> {
  const rounds: HuggingFaceRound[] = [];
  let versions: HuggingFaceReport["versions"] = {};
  let copyBytesPerSecond: number | undefined;
  const program = { name: "hf_generate.py", command: options.python, args: hfArgs(options), signal };
  for await (const line of jsonLines(program)) {
    if (line["kind"] === "versions") versions = line["versions"] as typeof versions;
    if (line["kind"] === "copy") copyBytesPerSecond = Number(line["bytesPerSecond"]);
    if (line["kind"] === "generate") {
      const round = line as unknown as HuggingFaceRound;
      rounds.push(round);
      onProgress(
        `${round.rows} sequences, round ${round.round}: ${round.wholeTokensPerSecond.toFixed(0)} tok/s`,
      );
    }
    await onReport({
      versions,
      ...(copyBytesPerSecond !== undefined && { copyBytesPerSecond }),
      runs: inRounds(rounds, ({ rows }) => rows),
    });
  }
}

function hfArgs(options: GpuBenchOptions): string[] {
  const config = randomConfig(options.shape);
  // transformers' own names.
  const theirs = {
    vocab_size: config.vocabularySize,
    hidden_size: config.hiddenSize,
    intermediate_size: config.feedForwardSize,
    num_hidden_layers: config.layerCount,
    num_attention_heads: config.headCount,
    num_key_value_heads: config.kvHeadCount,
    head_dim: config.headSize,
    tie_word_embeddings: config.tiedEmbedding,
    max_position_embeddings: config.contextLength,
    rope_theta: config.ropeBase,
  };
  const flags = {
    config: JSON.stringify(theirs),
    rows: options.concurrencies.join(","),
    "prompt-tokens": options.promptTokens,
    "output-tokens": options.outputTokens,
    rounds: options.rounds,
    device: options.device,
  };
  return [
    join(packageRoot, "bench", "gpu", "hf_generate.py"),
    ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, `${value}`]),
  ];
}
