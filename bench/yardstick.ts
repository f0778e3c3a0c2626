import { mkdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { StagecoachError } from "../common/errors.js";
import { startLlama } from "./llama-yardstick.js";
import type { LoadRunner } from "./load-runner.js";
import { writeQ8File } from "./q8-file.js";

/** llama.cpp on the same weights. */
export interface YardstickOptions {
  /** The GGUF that the model was packed from. */
  readonly ggufPath: string;
  readonly threads: number;
  /** Compare with the file as it is, or with its weights as Q8_0, written here first. */
  readonly format: "as-is" | "q8_0";
  /** Where the Q8_0 file is kept for the next time. */
  readonly cacheFolder: string;
}

/** What one context of it must hold. */
export interface YardstickSize {
  readonly sequences: number;
  /** Prompt and output of the longest request. */
  readonly contextTokens: number;
}

/** The yardstick as a runner; close it after use. */
export interface Yardstick extends LoadRunner {
  close(): Promise<void>;
}

/** A little room that llama.cpp wants beyond the tokens themselves. */
const spareTokens = 16;

/**
 * Starts llama.cpp in a process of its own, which is killed when the signal aborts.
 * @throws StagecoachError FAILED_PRECONDITION for a source that is no GGUF, or without node-llama-cpp
 */
export async function openYardstick(
  options: YardstickOptions,
  { sequences, contextTokens }: YardstickSize,
  signal: AbortSignal,
  onProgress: (line: string) => void,
): Promise<Yardstick> {
  const modelPath = await modelFile(options, onProgress);
  const { threads, format } = options;
  const llama = await startLlama(
    { modelPath, threads, sequences, contextTokens: contextTokens + spareTokens },
    signal,
  );
  return { name: `llama.cpp ${format}`, run: (run) => llama.run(run), close: () => llama.close() };
}

async function modelFile(
  { ggufPath, format, cacheFolder }: YardstickOptions,
  onProgress: (line: string) => void,
): Promise<string> {
  if (!ggufPath.endsWith(".gguf")) {
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `llama.cpp reads GGUF files and ${ggufPath} is none: compare a model that was pulled as one`,
    );
  }
  if (format === "as-is") return ggufPath;
  onProgress(`writing the weights of ${basename(ggufPath)} as Q8_0 for llama.cpp`);
  await mkdir(cacheFolder, { recursive: true });
  const path = join(cacheFolder, "yardstick-q8_0.gguf");
  await writeQ8File(ggufPath, path);
  return path;
}
