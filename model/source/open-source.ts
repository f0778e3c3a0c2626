import { open, stat } from "node:fs/promises";
import { StagecoachError } from "../../common/errors.js";
import { openGguf } from "./gguf-source.js";
import type { ModelSource } from "./model-source.js";
import { openSafetensorsFolder } from "./safetensors-source.js";

/**
 * Opens a model as somebody published it: a GGUF file, or a Hugging Face folder with safetensors. Which of them
 * it is, is found out by looking.
 * @throws StagecoachError NOT_FOUND when nothing is there, INVALID_ARGUMENT when it is neither or not supported,
 * DATA_LOSS when a file is cut off.
 */
export async function openModelSource(path: string): Promise<ModelSource> {
  const stats = await stat(path).catch((reason: unknown) => {
    const error = StagecoachError.from(reason);
    throw new StagecoachError(error.code, `cannot open ${path}: ${error.message}`, { cause: reason });
  });
  if (stats.isDirectory()) return openSafetensorsFolder(path);
  if (stats.isFile() && (await startsWith(path, "GGUF"))) return openGguf(path);
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${path} is neither a GGUF file nor a folder with config.json and safetensors${hint(path)}`,
    { details: { path } },
  );
}

async function startsWith(path: string, magic: string): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(magic.length), 0, magic.length, 0);
    return bytesRead === magic.length && buffer.toString("latin1") === magic;
  } finally {
    await handle.close();
  }
}

function hint(path: string): string {
  if (path.endsWith(".safetensors")) return ": give the folder that the file is in";
  if (/\.(bin|pth?|ckpt)$/.test(path)) return ": convert the PyTorch file to safetensors or GGUF first";
  return path.endsWith(".gguf") ? ": the download is damaged or was not a model, download it again" : "";
}
