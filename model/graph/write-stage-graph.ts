import { createHash, randomUUID } from "node:crypto";
import { rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";

/**
 * Writes a stage's ONNX model into the folder of the blobs that it refers to, named by the hash of its
 * content; a file that is already there is kept.
 * @returns its path
 * @throws StagecoachError RESOURCE_EXHAUSTED when the disk is full, NOT_FOUND when the folder is missing.
 */
export async function writeStageGraph(blobsFolder: string, model: Uint8Array): Promise<string> {
  const path = join(blobsFolder, `${createHash("sha256").update(model).digest("hex")}.onnx`);
  if (await isThere(path, model.length)) return path;
  const partial = `${path}.${process.pid}-${randomUUID()}.partial`;
  try {
    await writeFile(partial, model);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true });
    const { code, message } = StagecoachError.from(error);
    throw new StagecoachError(code, `cannot write the stage's graph ${path}: ${message}`, { cause: error });
  }
  return path;
}

async function isThere(path: string, sizeBytes: number): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw StagecoachError.from(error);
  });
  return found?.size === sizeBytes;
}
