import { StagecoachError } from "../../common/errors.js";
import { StepComparison, summarize } from "../../model/quality/logit-comparison.js";
import type { Manifest, ModelQuality } from "../../model/store/manifest.js";
import type { NamedDevice } from "../../stage-worker/device-name.js";
import { ForcedRun } from "./forced-run.js";

const onCpu: NamedDevice = { device: "cpu" };

/** A text to start from, and what is to follow. */
export interface QualityPrompt {
  readonly promptIds: readonly number[];
  /** Tokens that both variants are told to go on with; without them, what the exact variant finds most likely. */
  readonly continuation?: readonly number[];
}

export interface QualityOptions {
  readonly exact: Manifest;
  readonly other: Manifest;
  readonly blobsFolder: string;
  readonly prompts: readonly QualityPrompt[];
  /** Steps of a prompt at most. */
  readonly tokens: number;
  /** Where the exact variant's own continuation stops. */
  readonly endTokenIds: readonly number[];
  readonly threads: number;
  /** What the other variant computes on; the exact one computes on the CPU. Defaults to the CPU. */
  readonly device?: NamedDevice;
  /** See RunnerOptions; of the other variant. */
  readonly fewRowsKernel?: boolean;
  /** Called after each step of all prompts. */
  readonly onStep?: (step: number) => void;
}

/**
 * Runs two variants of a model side by side through the engines that serve, prompts as prefill and then all of them token by
 * token as one decode batch, both fed the same tokens, and compares their logits.
 *
 * @throws StagecoachError INVALID_ARGUMENT when a prompt is empty or does not fit the model's context.
 */
export async function measureQuality(options: QualityOptions): Promise<ModelQuality> {
  const { exact, other, blobsFolder, prompts, tokens, threads, device = onCpu, fewRowsKernel } = options;
  const lengths = prompts.map(({ promptIds }) => promptIds.length + tokens);
  checkLengths(lengths, options);
  const runs: ForcedRun[] = [];
  try {
    runs.push(await ForcedRun.open(exact, blobsFolder, lengths, threads, onCpu));
    runs.push(await ForcedRun.open(other, blobsFolder, lengths, threads, device, fewRowsKernel));
    const [exactRun, otherRun] = runs as [ForcedRun, ForcedRun];
    return summarize(await compare(exactRun, otherRun, options)) ?? nothingToCompare();
  } finally {
    for (const run of runs) await run.close();
  }
}

async function compare(
  exactRun: ForcedRun,
  otherRun: ForcedRun,
  { prompts, tokens, endTokenIds, onStep }: QualityOptions,
): Promise<StepComparison[]> {
  const steps: StepComparison[] = [];
  let slices = prompts.map(({ promptIds }, sequence) => ({ sequence, tokens: promptIds }));
  for (let step = 0; slices.length > 0; step++) {
    const wanted = await exactRun.step(slices);
    const got = await otherRun.step(slices);
    const next: typeof slices = [];
    for (const [i, { sequence }] of slices.entries()) {
      const exact = wanted[i] as Float32Array;
      const comparison = new StepComparison();
      comparison.add(0, exact, got[i] as Float32Array);
      steps.push(comparison);
      const { continuation } = prompts[sequence] as QualityPrompt;
      const token = continuation ? continuation[step] : indexOfLargest(exact);
      const ends = token === undefined || (!continuation && endTokenIds.includes(token));
      const last = step + 1 === Math.min(tokens, continuation?.length ?? tokens);
      if (!ends && !last) next.push({ sequence, tokens: [token] });
    }
    onStep?.(step + 1);
    slices = next;
  }
  return steps;
}

function checkLengths(lengths: readonly number[], { exact, prompts, tokens }: QualityOptions): void {
  const { contextLength } = exact.config;
  for (const [i, length] of lengths.entries()) {
    if ((prompts[i]?.promptIds.length ?? 0) > 0 && length <= contextLength) continue;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `prompt ${i + 1} has ${length - tokens} tokens: with ${tokens} more it must fit the model's context of ` +
        `${contextLength}, and it cannot be empty`,
    );
  }
}

function indexOfLargest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) {
    if ((logits[id] as number) > (logits[best] as number)) best = id;
  }
  return best;
}

function nothingToCompare(): never {
  throw new StagecoachError("INVALID_ARGUMENT", "there is no prompt to compare the variants on");
}
