import { StagecoachError } from "../../common/errors.js";
import type { ModelConfig } from "../config.js";
import type { Architecture, Dimension, FormatDescription } from "./architectures.js";
import type { TensorInfo, TensorName } from "./model-source.js";
import { quote } from "./quote.js";

/**
 * Finds every tensor that the config calls for under its name in the file and checks its shape.
 * @returns the file's tensors by canonical name.
 * @throws StagecoachError INVALID_ARGUMENT for a tensor that is missing, has another shape, or that the
 * architecture has no place for: the model would compute something else without it.
 */
export function resolveTensors<Stored extends TensorInfo>(
  architecture: Architecture,
  format: FormatDescription,
  config: ModelConfig,
  stored: ReadonlyMap<string, Stored>,
): ReadonlyMap<TensorName, Stored> {
  const resolved = new Map<TensorName, Stored>();
  const used = new Set<string>();
  for (const { name, storedName, shape } of expectedTensors(architecture, format, config)) {
    const tensor = stored.get(storedName);
    if (tensor === undefined) throw missing(storedName, shape);
    if (!sameShape(tensor.shape, shape)) throw wrongShape(storedName, tensor.shape, shape);
    resolved.set(name, tensor);
    used.add(storedName);
  }
  for (const name of stored.keys()) {
    const known =
      used.has(name) || format.ignoredTensors.test(name) || name === format.tensorNames["head.weight"];
    if (!known) throw unexpected(name, architecture);
  }
  return resolved;
}

function* expectedTensors(architecture: Architecture, format: FormatDescription, config: ModelConfig) {
  const sizes: Record<Dimension, number> = {
    hidden: config.hiddenSize,
    heads: config.headCount * config.headSize,
    kvHeads: config.kvHeadCount * config.headSize,
    feedForward: config.feedForwardSize,
    vocabulary: config.vocabularySize,
  };
  for (const [name, dimensions] of Object.entries(architecture.tensors)) {
    if (name === "head.weight" && config.tiedEmbedding) continue;
    const storedName = format.tensorNames[name];
    if (storedName === undefined) {
      throw new StagecoachError("INTERNAL", `${format.name} has no name for ${name}`);
    }
    const shape = dimensions.map((dimension) => sizes[dimension]);
    const copies = name.includes("{i}") ? config.layerCount : 1;
    for (let i = 0; i < copies; i++) {
      const inLayer = (template: string) => template.replace("{i}", String(i));
      yield { name: inLayer(name), storedName: inLayer(storedName), shape };
    }
  }
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

function missing(name: string, shape: readonly number[]): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `tensor ${quote(name)} [${shape.join(", ")}] is missing: the model is incomplete, download or convert it again`,
    { details: { tensor: name } },
  );
}

function wrongShape(name: string, found: readonly number[], wanted: readonly number[]): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `tensor ${quote(name)} has shape [${found.join(", ")}], and the config calls for [${wanted.join(", ")}]`,
    { details: { tensor: name } },
  );
}

function unexpected(name: string, { architecture }: Architecture): StagecoachError {
  return new StagecoachError(
    "INVALID_ARGUMENT",
    `tensor ${quote(name)} has no place in the ${architecture} architecture: this version of the model is not supported`,
    { details: { tensor: name } },
  );
}
