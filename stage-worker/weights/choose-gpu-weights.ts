import { StagecoachError } from "../../common/errors.js";
import { expandedBytes, heldBytes } from "../../model/expand/weight-sizes.js";
import { kvTokenBytes } from "../../model/graph/kv-form.js";
import { formatBytes } from "../../model/store/format-bytes.js";
import type { Blob, Manifest } from "../../model/store/manifest.js";
import { type ModelPart, stageBlobs } from "../../model/store/stage-blobs.js";

/** What an operator wants of the weights of GPU stages. */
export type WantedGpuWeights = "auto" | "f16" | "packed";

/** A form in which a GPU can hold a model's weights. */
export interface WeightForm {
  /** As people know it: `f16`, or `packed` for levels of 4 or 8 bits as they are stored. */
  readonly name: "f16" | "packed";
  /** Whether blobs are written anew for it. */
  readonly expand: boolean;
  /** Bytes of a blob on the device. */
  readonly bytesOf: (blob: Blob) => number;
}

/** Sequences that a stage is to have room for. */
export interface SequenceDemand {
  readonly maxSequences: number;
  /** Longest sequence in tokens. */
  readonly maxContext: number;
}

/** A form and why it was taken. */
export interface WeightChoice {
  readonly form: WeightForm;
  readonly reason: string;
}

const expanded: WeightForm = { name: "f16", expand: true, bytesOf: expandedBytes };
const stored: WeightForm = { name: "f16", expand: false, bytesOf: heldBytes };
const packed: WeightForm = { name: "packed", expand: false, bytesOf: heldBytes };

/**
 * The forms that may be taken, the best first: f16 multiplies fastest where rows are many, packed weights leave more
 * room for KV. Products of integers by integers are for CPUs, and expanded.
 * @throws StagecoachError FAILED_PRECONDITION where packed weights are wanted that no GPU can multiply
 */
export function gpuWeightForms(
  { model, variant, blobs }: Manifest,
  wanted: WantedGpuWeights,
): readonly [WeightForm, ...WeightForm[]] {
  const encodings = new Set(blobs.flatMap(({ products }) => products.map(({ encoding }) => encoding)));
  if (encodings.has("w8a8")) {
    if (wanted !== "packed") return [expanded];
    throw new StagecoachError(
      "FAILED_PRECONDITION",
      `--gpu-weights packed: the products of ${model} as ${variant} are of integers by integers, which GPUs cannot compute here: take auto or f16, which expand them, or serve --variant int4 or as-is`,
    );
  }
  if (!encodings.has("blocked")) return [blobs.every(hasHalves) ? stored : expanded];
  if (wanted === "auto") return [expanded, packed];
  return [wanted === "f16" ? expanded : packed];
}

/** Tokens of KV that weights have to leave room for before more room is worth less than faster products. */
export function wantedKvTokens({ maxSequences, maxContext }: SequenceDemand): number {
  return Math.max(maxContext, maxSequences * Math.min(maxContext, usualTokens));
}

/** Of a sequence. */
const usualTokens = 1024;

/** The first form that fits a part of a model beside KV of the sequences wanted, otherwise the smallest. */
export function chooseGpuWeights(
  part: ModelPart,
  wanted: WantedGpuWeights,
  demand: SequenceDemand,
  memoryBytes: number,
): WeightChoice {
  const forms = gpuWeightForms(part.manifest, wanted);
  const [first] = forms;
  if (forms.length === 1) return { form: first, reason: onlyReason(first, wanted) };
  const tokens = wantedKvTokens(demand);
  const layers = part.endLayer - part.firstLayer;
  const kvBytes = tokens * layers * kvTokenBytes(part.manifest.config, "f16");
  const blobs = stageBlobs(part);
  const weightBytes = blobs.reduce((sum, blob) => sum + first.bytesOf(blob), 0);
  const sizes = `${formatBytes(weightBytes)} of weights and KV of ${tokens} tokens (${formatBytes(kvBytes)})`;
  const room = `the ${formatBytes(Math.max(0, memoryBytes))} that may be taken`;
  if (weightBytes + kvBytes <= memoryBytes)
    return { form: first, reason: `as ${first.name}, ${sizes} fit ${room}` };
  const last = forms.at(-1) as WeightForm;
  return { form: last, reason: `as ${first.name}, ${sizes} do not fit ${room}` };
}

/**
 * Whether CUDA's kernel for few rows is to multiply packed weights: measured on an H200, its 4-bit products are half
 * as fast again or twice as fast at 16 rows, and slower at one row and in prefill; it takes ten seconds of tuning.
 */
export function wantsFewRowsKernel(maxSequences: number, laneCount: number): boolean {
  const rows = Math.ceil(maxSequences / laneCount);
  return rows >= 4 && rows <= 64;
}

function onlyReason({ expand, name }: WeightForm, wanted: WantedGpuWeights): string {
  if (wanted === name) return `--gpu-weights ${wanted}`;
  return expand ? "a GPU cannot multiply them as they are stored" : "they are stored so";
}

function hasHalves({ products, tensors }: Blob): boolean {
  return products.every(
    (product) =>
      product.encoding === "dense" && tensors.find(({ name }) => name === product.weight)?.dtype === "f16",
  );
}
