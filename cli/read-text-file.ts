import { readFile, stat } from "node:fs/promises";
import { StagecoachError } from "../common/errors.js";

/**
 * A text file that the user names.
 * @param option the option that named it, for messages
 * @throws StagecoachError INVALID_ARGUMENT when it cannot be read or is longer than `maxBytes`
 */
export async function readTextFile(path: string, option: string, maxBytes: number): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new Error(`${size} bytes are too many`);
    return await readFile(path, "utf8");
  } catch (cause) {
    const { message } = StagecoachError.from(cause);
    throw new StagecoachError("INVALID_ARGUMENT", `${option} ${path} cannot be read: ${message}`, { cause });
  }
}
