import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { OpenFile } from "./open-file.js";
import { quote } from "./quote.js";
import { findJson, isObject, type JsonObject } from "./read-json.js";
import { readSafetensorsHeader } from "./safetensors-header.js";
import type { StoredTensor } from "./stored-tensor.js";

const singleName = "model.safetensors";
const indexName = "model.safetensors.index.json";

/** The weights of a model folder: files open, headers read and checked. */
export interface SafetensorsFiles {
  readonly files: readonly OpenFile[];
  /** By the files' own names. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/**
 * Opens `model.safetensors`, or all files that `model.safetensors.index.json` names.
 * @throws StagecoachError NOT_FOUND when a file is missing, INVALID_ARGUMENT when the index names a file outside
 * the folder or is not what the files hold. Nothing stays open then.
 */
export async function openSafetensorsFiles(folder: string): Promise<SafetensorsFiles> {
  const index = await findJson(folder, indexName);
  const shards = index === undefined ? undefined : readWeightMap(index);
  const names = shards === undefined ? [await findSingle(folder)] : [...new Set(shards.values())].sort();
  const files: OpenFile[] = [];
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const name of names) {
      const file = await openShard(folder, name);
      files.push(file);
      for (const tensor of (await readSafetensorsHeader(file)).values()) addTensor(tensors, tensor);
    }
    if (shards !== undefined) checkIndex(shards, tensors);
    return { files, tensors };
  } catch (reason) {
    await Promise.all(files.map((file) => file.close()));
    throw reason;
  }
}

function readWeightMap(index: JsonObject): ReadonlyMap<string, string> {
  const map = index["weight_map"];
  if (!isObject(map) || Object.keys(map).length === 0) {
    throw new StagecoachError("INVALID_ARGUMENT", `${indexName} has no weight_map: download it again`);
  }
  return new Map(Object.entries(map).map(([tensor, shard]) => [tensor, checkShardName(tensor, shard)]));
}

/** A plain file name: what an index may not do is lead out of its folder. */
function checkShardName(tensor: string, shard: unknown): string {
  if (typeof shard === "string" && /^[A-Za-z0-9_][A-Za-z0-9._-]*\.safetensors$/.test(shard)) return shard;
  const shown = typeof shard === "string" ? quote(shard) : String(shard);
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${indexName} has tensor ${quote(tensor)} in ${shown}, which is not the name of a safetensors file beside it`,
  );
}

async function findSingle(folder: string): Promise<string> {
  const names = await readdir(folder);
  if (names.includes(singleName)) return singleName;
  const others = names.filter((name) => /\.(bin|pth?|safetensors|gguf)$/.test(name)).map(quote);
  const instead = others.length === 0 ? "no weights" : `only ${others.slice(0, 3).join(", ")}`;
  throw new StagecoachError(
    "NOT_FOUND",
    `${folder} has ${instead}: a model folder needs ${singleName} or ${indexName}`,
  );
}

async function openShard(folder: string, name: string): Promise<OpenFile> {
  try {
    return await OpenFile.open(join(folder, name));
  } catch (reason) {
    const error = StagecoachError.from(reason);
    if (error.code !== "NOT_FOUND") throw error;
    throw new StagecoachError("NOT_FOUND", `${name} is missing from ${folder}: download it, too`, {
      cause: reason,
    });
  }
}

function addTensor(tensors: Map<string, StoredTensor>, tensor: StoredTensor): void {
  const earlier = tensors.get(tensor.name);
  if (earlier !== undefined) {
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `tensor ${quote(tensor.name)} is in ${earlier.file.name} and again in ${tensor.file.name}`,
    );
  }
  tensors.set(tensor.name, tensor);
}

function checkIndex(shards: ReadonlyMap<string, string>, tensors: ReadonlyMap<string, StoredTensor>): void {
  for (const [name, shard] of shards) {
    if (tensors.get(name)?.file.name === shard) continue;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `${indexName} has tensor ${quote(name)} in ${shard}, which does not hold it: download both again`,
    );
  }
}
