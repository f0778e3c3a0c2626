import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nearest } from "./config-names.js";
import { settings } from "./config-settings.js";
import { StagecoachError } from "./errors.js";

/** Name of the file, in the current folder or else in the home. */
const configFileName = "stagecoach.config.json";

/** Longest file that is read. */
const maxFileBytes = 1_048_576;

/** What a configuration file says, as text a setting; not yet checked against the settings' kinds. */
export interface ConfigFile {
  readonly path: string;
  readonly values: ReadonlyMap<string, string>;
}

/**
 * Reads `stagecoach.config.json` from a folder; undefined when there is none.
 * @throws StagecoachError INVALID_ARGUMENT when it is no JSON object, has a key that is no setting, or a
 * value that is neither text, number nor boolean
 */
export function readConfigFile(folder: string): ConfigFile | undefined {
  const path = join(folder, configFileName);
  const text = readIfPresent(path);
  if (text === undefined) return undefined;
  const values = new Map<string, string>();
  for (const [key, value] of Object.entries(parseObject(path, text))) {
    if (!Object.hasOwn(settings, key)) throw unknownKey(path, key);
    values.set(key, scalarText(path, key, value));
  }
  return { path, values };
}

function readIfPresent(path: string): string | undefined {
  try {
    const content = readFileSync(path);
    if (content.length <= maxFileBytes) return content.toString("utf8");
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw new StagecoachError(
      "INVALID_ARGUMENT",
      `cannot read ${path}: make it a readable file or remove it`,
      {
        cause,
      },
    );
  }
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${path} is over ${maxFileBytes} bytes: that is no settings file`,
  );
}

function parseObject(path: string, text: string): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StagecoachError("INVALID_ARGUMENT", `${path} is not JSON (${reason}): correct or remove it`, {
      cause,
    });
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `${path} must hold one JSON object, such as {"maxNumSeqs": 16}`,
  );
}

function unknownKey(path: string, key: string): StagecoachError {
  const near = nearest(key, Object.keys(settings));
  const hint =
    near === undefined ? `the settings are ${Object.keys(settings).join(", ")}` : `did you mean "${near}"?`;
  return new StagecoachError("INVALID_ARGUMENT", `${path} has the unknown key "${key}": ${hint}`, {
    details: { key, path },
  });
}

function scalarText(path: string, key: string, value: unknown): string {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return String(value);
  throw new StagecoachError(
    "INVALID_ARGUMENT",
    `"${key}" in ${path} is ${JSON.stringify(value)}: give a text or a number`,
    { details: { key, path } },
  );
}
