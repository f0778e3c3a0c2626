import { join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { OpenFile } from "./open-file.js";

/** A JSON object, nothing known about its values. */
export type JsonObject = Readonly<Record<string, unknown>>;

const largestFileBytes = 2 ** 27;

/**
 * Reads a file of a model folder that holds one JSON object; undefined when there is no such file.
 * @throws StagecoachError INVALID_ARGUMENT when it is longer than 128 MiB or not a JSON object.
 */
export async function findJson(folder: string, name: string): Promise<JsonObject | undefined> {
  const text = await findFileText(folder, name);
  return text === undefined ? undefined : parseObject(text, name);
}

/**
 * The text of a file in a model folder; undefined when there is no such file.
 * @throws StagecoachError INVALID_ARGUMENT when it is longer than 128 MiB.
 */
export async function findFileText(folder: string, name: string): Promise<string | undefined> {
  const file = await openIfThere(join(folder, name));
  if (file === undefined) return undefined;
  try {
    if (file.sizeBytes > largestFileBytes) {
      throw new StagecoachError(
        "INVALID_ARGUMENT",
        `${name} has ${file.sizeBytes} bytes and may have ${largestFileBytes}`,
      );
    }
    return Buffer.from(await file.read(0, file.sizeBytes)).toString("utf8");
  } finally {
    await file.close();
  }
}

/**
 * Parses a JSON object.
 * @param what names it in messages.
 * @throws StagecoachError INVALID_ARGUMENT when the text is something else.
 */
export function parseObject(text: string, what: string): JsonObject {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (reason) {
    throw new StagecoachError("INVALID_ARGUMENT", `${what} is not JSON: download it again`, {
      cause: reason,
    });
  }
  if (isObject(parsed)) return parsed;
  throw new StagecoachError("INVALID_ARGUMENT", `${what} is JSON, but not an object: download it again`);
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function openIfThere(path: string): Promise<OpenFile | undefined> {
  try {
    return await OpenFile.open(path);
  } catch (reason) {
    const error = StagecoachError.from(reason);
    if (error.code === "NOT_FOUND") return undefined;
    throw error;
  }
}
