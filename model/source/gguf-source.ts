import { StagecoachError } from "../../common/errors.js";
import type { ModelConfig } from "../config.js";
import { dequantize } from "../encoding/dequantize.js";
import { tokenizerFromGguf } from "../tokenizer/from-gguf.js";
import { type Architecture, architectures, type FormatDescription } from "./architectures.js";
import { ggufSamplingKeys, readGenerationDefaults } from "./generation-defaults.js";
import { type GgufHeader, readGgufHeader } from "./gguf-header.js";
import { findNumber, findString, type GgufMetadata, getString, getStringArray } from "./gguf-metadata.js";
import type { ModelSource } from "./model-source.js";
import { OpenFile } from "./open-file.js";
import { quote } from "./quote.js";
import { readConfig } from "./read-config.js";
import { resolveTensors } from "./resolve-tensors.js";
import { withGgufScaling } from "./rope-scaling.js";
import type { Settings } from "./settings.js";
import { StoredSource } from "./stored-source.js";

const ropeFactorsName = "rope_freqs.weight";

/**
 * Opens one GGUF file.
 * @throws StagecoachError INVALID_ARGUMENT or DATA_LOSS, its message starting with the file's name.
 */
export async function openGguf(path: string): Promise<ModelSource> {
  const file = await OpenFile.open(path);
  try {
    const header = readGgufHeader(file);
    refuseParts(header.metadata);
    const { config, tensors } = await readGgufModel(header);
    const { metadata } = header;
    return new StoredSource({
      origin: { kind: "gguf", name: file.name },
      config,
      tokenizer: tokenizerFromGguf(metadata),
      chatTemplate: findString(metadata, "tokenizer.chat_template"),
      generationDefaults: readGenerationDefaults(
        { describe: (key) => `metadata "${key}"`, get: (key) => metadata.get(key) },
        ggufSamplingKeys,
      ),
      tensors,
      files: [file],
    });
  } catch (reason) {
    await file.close();
    throw inFile(file, reason);
  }
}

/**
 * Config and tensors of a GGUF file, everything but its tokenizer.
 * @throws StagecoachError INVALID_ARGUMENT for what is missing or not supported.
 */
async function readGgufModel({ metadata, tensors }: GgufHeader) {
  const { architecture, format } = findArchitecture(metadata);
  const settings: Settings = {
    describe: (key) => `metadata "${format.name}.${key}"`,
    get: (key) => metadata.get(`${format.name}.${key}`),
  };
  refuseUnequalHeads(settings);
  const base = readConfig(architecture, format, settings, {
    vocabularySize: getStringArray(metadata, "tokenizer.ggml.tokens").length,
    tiedEmbedding: !tensors.has(format.tensorNames["head.weight"] ?? ""),
  });
  refuseOtherRotation(settings, base);
  const config = withGgufScaling(base, settings, await readRopeFactors(tensors));
  return { config, tensors: resolveTensors(architecture, format, config, tensors) };
}

function findArchitecture(metadata: GgufMetadata): { architecture: Architecture; format: FormatDescription } {
  const name = getString(metadata, "general.architecture");
  const known: string[] = [];
  for (const architecture of architectures) {
    if (architecture.gguf === undefined) continue;
    if (architecture.gguf.name === name) return { architecture, format: architecture.gguf };
    known.push(architecture.gguf.name);
  }
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `architecture ${quote(name)} is not supported; supported are ${known.join(" and ")}`,
  );
}

function refuseParts(metadata: GgufMetadata): void {
  const parts = findNumber(metadata, "split.count") ?? 0;
  if (parts <= 1) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `this is one of ${parts} parts of a model: join them with llama.cpp's llama-gguf-split --merge`,
  );
}

function refuseUnequalHeads(settings: Settings): void {
  const key = settings.get("attention.key_length");
  const value = settings.get("attention.value_length");
  if (value === undefined || value === key) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${settings.describe("attention.value_length")} is ${value} and attention.key_length ${key}: heads whose keys and values differ are not supported`,
  );
}

function refuseOtherRotation(settings: Settings, { headSize }: ModelConfig): void {
  const rotated = settings.get("rope.dimension_count");
  if (rotated === undefined || rotated === headSize) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${settings.describe("rope.dimension_count")} is ${rotated} and heads have ${headSize} dimensions: heads that are rotated in part are not supported`,
  );
}

async function readRopeFactors(tensors: GgufHeader["tensors"]): Promise<Float32Array | undefined> {
  const tensor = tensors.get(ropeFactorsName);
  if (tensor === undefined) return undefined;
  const [elements = 0, ...others] = tensor.shape;
  if (others.length > 0 || elements > 4096) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `tensor "${ropeFactorsName}" has shape [${tensor.shape.join(", ")}] and should have one dimension`,
    );
  }
  return dequantize(tensor.encoding, await tensor.file.read(tensor.offsetBytes, tensor.sizeBytes), elements);
}

function inFile(file: OpenFile, reason: unknown): StagecoachError {
  const error = StagecoachError.from(reason);
  if (error.message.startsWith(`${file.name}: `)) return error;
  return new StagecoachError(error.code, `${file.name}: ${error.message}`, {
    cause: error,
    details: { ...error.details, path: file.path },
  });
}
