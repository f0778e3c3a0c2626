import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder that holds package.json, the same from source and from dist/. */
export const packageRoot: string = findRoot(dirname(fileURLToPath(import.meta.url)));

/** The version in package.json; coordinator and workers must agree on it. */
export const version: string = readVersion();

function findRoot(start: string): string {
  let folder = start;
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) throw new Error(`no package.json above ${start}: reinstall stagecoach`);
    folder = parent;
  }
  return folder;
}

function readVersion(): string {
  const parsed: unknown = JSON.parse(readFileSync(join(packageRoot, "package.json"), "utf8"));
  if (typeof parsed === "object" && parsed !== null && "version" in parsed) return String(parsed.version);
  throw new Error(`no version in ${packageRoot}/package.json`);
}
