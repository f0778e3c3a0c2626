import { basename, resolve } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import type { ModelConfig } from "../config.js";
import { tokenizerFromFolder } from "../tokenizer/from-folder.js";
import { type Architecture, architectures, type FormatDescription } from "./architectures.js";
import { huggingFaceSamplingKeys, readGenerationDefaults } from "./generation-defaults.js";
import type { ModelSource } from "./model-source.js";
import { quote } from "./quote.js";
import { readConfig } from "./read-config.js";
import { findFileText, findJson, isObject, type JsonObject } from "./read-json.js";
import { resolveTensors } from "./resolve-tensors.js";
import { withHuggingFaceScaling } from "./rope-scaling.js";
import { openSafetensorsFiles } from "./safetensors-files.js";
import { findFlag, getCount, type Settings, show } from "./settings.js";
import { StoredSource } from "./stored-source.js";

const configName = "config.json";
const generationName = "generation_config.json";

/**
 * Opens a folder as Hugging Face keeps models: `config.json`, safetensors, tokenizer files, and, where they are
 * there, `generation_config.json` and `chat_template.jinja`.
 * @throws StagecoachError NOT_FOUND for a missing file, INVALID_ARGUMENT or DATA_LOSS for a bad one, its message
 * starting with the folder's name.
 */
export async function openSafetensorsFolder(folder: string): Promise<ModelSource> {
  const name = basename(resolve(folder));
  try {
    return await openFolder(folder, name);
  } catch (reason) {
    const error = StagecoachError.from(reason);
    throw new StagecoachError(error.code, `${name}: ${error.message}`, {
      cause: error,
      details: { ...error.details, folder },
    });
  }
}

async function openFolder(folder: string, name: string): Promise<ModelSource> {
  const json = await findJson(folder, configName);
  if (json === undefined) {
    throw new StagecoachError("NOT_FOUND", `${configName} is missing: this is not a model folder`);
  }
  const { config, architecture, format } = readHuggingFaceConfig(json);
  const generation = (await findJson(folder, generationName)) ?? {};
  const eosTokenIds = readEndTokenIds(json, generation);
  const tokenizer = await tokenizerFromFolder(folder, { eosTokenIds });
  const chatTemplate = await readChatTemplate(folder);
  const generationSettings: Settings = {
    describe: (key) => `${generationName} "${key}"`,
    get: (key) => generation[key],
  };
  const generationDefaults = readGenerationDefaults(generationSettings, huggingFaceSamplingKeys);
  const { files, tensors } = await openSafetensorsFiles(folder);
  try {
    return new StoredSource({
      origin: { kind: "safetensors", name },
      config,
      tokenizer,
      chatTemplate,
      generationDefaults,
      tensors: resolveTensors(architecture, format, config, tensors),
      files,
    });
  } catch (reason) {
    await Promise.all(files.map((file) => file.close()));
    throw reason;
  }
}

/**
 * A ModelConfig out of a `config.json`, and the description that says what its tensors are called.
 * @throws StagecoachError INVALID_ARGUMENT for what is missing or not supported.
 */
export function readHuggingFaceConfig(json: JsonObject): {
  config: ModelConfig;
  architecture: Architecture;
  format: FormatDescription;
} {
  const { architecture, format } = findArchitecture(json["model_type"]);
  refuseWindowedLayers(json["layer_types"]);
  const { scalingKey, scaling } = findScaling(json);
  const settings: Settings = {
    describe: (key) => `${configName} "${key}"`,
    // Since version 5, transformers writes the rotary base beside the scaling.
    get: (key) => (key === "rope_theta" && json[key] === undefined ? scaling[key] : json[key]),
  };
  const base = readConfig(architecture, format, settings, {
    vocabularySize: getCount(settings, "vocab_size"),
    tiedEmbedding: findFlag(settings, "tie_word_embeddings") ?? false,
  });
  const scalingSettings: Settings = {
    describe: (key) => `${configName} "${scalingKey}.${key}"`,
    get: (key) => scaling[key],
  };
  return { config: withHuggingFaceScaling(base, scalingSettings), architecture, format };
}

function findArchitecture(modelType: unknown): { architecture: Architecture; format: FormatDescription } {
  const known: string[] = [];
  for (const architecture of architectures) {
    if (architecture.huggingFace === undefined) continue;
    if (architecture.huggingFace.name === modelType)
      return { architecture, format: architecture.huggingFace };
    known.push(architecture.huggingFace.name);
  }
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${configName} "model_type" is ${show(modelType)}, which is not supported; supported are ${known.join(", ")}`,
  );
}

function findScaling(json: JsonObject): { scalingKey: string; scaling: JsonObject } {
  const scalingKey = (json["rope_scaling"] ?? undefined) === undefined ? "rope_parameters" : "rope_scaling";
  const scaling = json[scalingKey] ?? {};
  if (isObject(scaling)) return { scalingKey, scaling };
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${configName} "${scalingKey}" is ${show(scaling)} and should be an object`,
  );
}

function refuseWindowedLayers(layerTypes: unknown): void {
  if (!Array.isArray(layerTypes)) return;
  const other: unknown = layerTypes.find((type) => type !== "full_attention");
  if (other === undefined) return;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${configName} "layer_types" has ${show(other)}; only full_attention is supported: choose another version of the model`,
  );
}

/** Both files may name one id or several; any of them ends a generation. */
function readEndTokenIds(config: JsonObject, generation: JsonObject): number[] {
  const ids = [config["eos_token_id"] ?? [], generation["eos_token_id"] ?? []].flat();
  for (const id of ids) {
    if (Number.isSafeInteger(id) && (id as number) >= 0) continue;
    throw new StagecoachError("INVALID_ARGUMENT", `"eos_token_id" has ${show(id)}, which is not a token id`);
  }
  return [...new Set(ids as number[])];
}

/** A file of its own goes before the tokenizer's config, whose template may be one of several by name. */
async function readChatTemplate(folder: string): Promise<string | undefined> {
  const own = await findFileText(folder, "chat_template.jinja");
  if (own !== undefined) return own;
  const template = (await findJson(folder, "tokenizer_config.json"))?.["chat_template"] ?? undefined;
  if (template === undefined || typeof template === "string") return template;
  const named = Array.isArray(template) ? template.filter(isObject) : [];
  const chosen = named.find(({ name }) => name === "default")?.["template"];
  if (typeof chosen === "string") return chosen;
  const names = named.map(({ name }) => quote(String(name))).join(", ");
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `tokenizer_config.json "chat_template" is neither a text nor a list with one named "default" (found: ${names})`,
  );
}
