import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildWheel, fakePip, type WheelOptions } from "../../test/fixtures/fake-pip.js";
import { tempFolder } from "../../test/fixtures/temp-folder.js";
import { installCudaProvider } from "./install-provider.js";

const [shared, cuda] = ["libonnxruntime_providers_shared.so", "libonnxruntime_providers_cuda.so"];
const files = {
  [`onnxruntime/capi/${shared}`]: "the shared part",
  [`onnxruntime/capi/${cuda}`]: "the CUDA part",
  "onnxruntime/capi/libonnxruntime_providers_tensorrt.so": "not wanted",
};

/** A runtime's folder, and a pip that has this wheel for it, or fails. */
async function scene({ wheel, failure }: { wheel?: WheelOptions; failure?: string }) {
  const folder = await tempFolder();
  const runtime = { version: "1.2.3", folder: join(folder, "runtime") };
  await mkdir(runtime.folder);
  const pip = fakePip(folder, {
    ...(wheel && { wheel: buildWheel(folder, wheel) }),
    ...(failure !== undefined && { failure }),
  });
  const { environment } = pip;
  const options = { runtime, platform: "linux x64", environment, onProgress: () => undefined };
  const install = (change: object = {}, signal = new AbortController().signal) =>
    installCudaProvider({ ...options, ...change, signal });
  const text = (name: string) => readFile(join(runtime.folder, name), "utf8");
  return { ...pip, runtime, install, text, there: () => readdir(runtime.folder) };
}

test("both files lie beside the library, by pip's package of the same version", async () => {
  const { install, text, calls, there } = await scene({ wheel: { files } });
  expect(await install()).toBe(true);
  expect([await text(shared), await text(cuda)]).toEqual(["the shared part", "the CUDA part"]);
  expect(await there()).toHaveLength(3);
  const asked = (await readFile(calls, "utf8")).trim().split("\n");
  expect(asked.slice(0, 7)).toEqual([
    ...["-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--python-version", "3.12"],
  ]);
  expect(asked.at(-1)).toBe("onnxruntime-gpu==1.2.3");
});

test("what is there already of this version is not fetched again", async () => {
  const { install, calls, runtime, text } = await scene({ wheel: { files } });
  await install();
  await writeFile(calls, "");
  expect(await install()).toBe(false);
  expect(await readFile(calls, "utf8")).toBe("");
  // After an update of ONNX Runtime the files of before do not fit.
  await expect(install({ runtime: { ...runtime, version: "1.2.4" } })).rejects.toThrow("1.2.4 is what fits");
  expect(await text(cuda)).toBe("the CUDA part");
});

test("files of unknown origin are replaced", async () => {
  const { install, runtime, text } = await scene({ wheel: { files } });
  for (const name of [shared, cuda]) await writeFile(join(runtime.folder, name), "by hand");
  expect(await install()).toBe(true);
  expect(await text(cuda)).toBe("the CUDA part");
});

describe("nothing is left of", () => {
  const name = `onnxruntime/capi/${cuda}`;
  test.each<[string, { wheel?: WheelOptions; failure?: string }, string, string]>([
    [
      "another version",
      { wheel: { files, version: "1.2.4" } },
      "DATA_LOSS",
      "it is of version 1.2.4, and 1.2.3",
    ],
    [
      "a damaged file",
      { wheel: { files, recorded: { [name]: "AAAA" } } },
      "DATA_LOSS",
      `${name} has the sha256`,
    ],
    [
      "a wheel without CUDA",
      { wheel: { files: { [`onnxruntime/capi/${shared}`]: "x" } } },
      "DATA_LOSS",
      `its RECORD has no hash of ${name}`,
    ],
    ["no wheel", {}, "UNAVAILABLE", "pip left no wheel of onnxruntime-gpu 1.2.3"],
    [
      "a pip that fails",
      { failure: "ERROR: No matching distribution found" },
      "UNAVAILABLE",
      "pip could not fetch onnxruntime-gpu 1.2.3: ERROR: No matching distribution found",
    ],
  ])("%s", async (_, given, code, message) => {
    const { install, there } = await scene(given);
    await expect(install()).rejects.toMatchObject({ code, message: expect.stringContaining(message) });
    expect(await there()).toEqual([]);
  });

  test("a wheel that is no archive", async () => {
    const { install, there, environment } = await scene({ wheel: { files } });
    const folder = await tempFolder();
    await writeFile(join(folder, "onnxruntime_gpu-1.2.3.whl"), "no archive");
    const broken = fakePip(folder, { wheel: join(folder, "onnxruntime_gpu-1.2.3.whl") });
    expect(environment).not.toEqual(broken.environment);
    await expect(install({ environment: broken.environment })).rejects.toThrow("File is not a zip file");
    expect(await there()).toEqual([]);
  });

  test("an interrupted download", async () => {
    const { install, there } = await scene({ wheel: { files } });
    const interrupted = AbortSignal.abort(new Error("interrupted"));
    await expect(install({}, interrupted)).rejects.toThrow("interrupted");
    expect(await there()).toEqual([]);
  });
});

test("refuses other platforms, and says what is left there", async () => {
  const { install, calls } = await scene({ wheel: { files } });
  await expect(install({ platform: "darwin arm64" })).rejects.toMatchObject({
    code: "FAILED_PRECONDITION",
    message: "the CUDA provider is for linux x64, this is darwin arm64: take --device webgpu or cpu here",
  });
  expect(existsSync(calls)).toBe(false);
});

test("says that Python is missing", async () => {
  const { install } = await scene({ wheel: { files } });
  await expect(install({ environment: { PATH: "/nowhere" } })).rejects.toThrow(
    "pip could not fetch onnxruntime-gpu 1.2.3: there is no python3 here: install Python 3 with pip",
  );
});
