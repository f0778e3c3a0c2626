import { spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../common/package-root.js";
import { tryDevice } from "../../stage-worker/engine/paged/probe-device.js";
import { type WebGpuAdapter, webgpuAdapters } from "../../stage-worker/webgpu/webgpu-adapters.js";
import { startCoordinator, statusWhere, type TestCoordinator } from "../fixtures/local-cluster.js";
import { writeRandomGguf } from "../fixtures/random-gguf.js";
import { randomModel } from "../fixtures/random-model.js";
import { Scope } from "../fixtures/scope.js";
import { newHome, runCli } from "../fixtures/spawn-cli.js";
import { vulkanManifests } from "../fixtures/vulkan-manifests.js";
import { webgpuMissing } from "../fixtures/webgpu.js";

const missing =
  process.platform === "linux" ? await webgpuMissing() : "Vulkan's loader is told on Linux only";

describe.skipIf(missing)("of several GPUs behind WebGPU", () => {
  const scope = new Scope();
  let manifests: readonly string[];
  let both: Readonly<Record<string, string>>;
  let adapters: readonly WebGpuAdapter[];

  beforeAll(async () => {
    manifests = await vulkanManifests((await newHome(scope)).root, ["first", "second"]);
    both = { VK_DRIVER_FILES: manifests.join(":") };
    ({ adapters } = await webgpuAdapters({
      attempt: (environment) => tryDevice("webgpu", { ...both, VK_LOADER_DEBUG: "all", ...environment }),
      cards: [],
    }));
  });
  afterAll(() => scope.end());

  test("each is listed with what a process needs to take it", () => {
    expect(adapters.map(({ environment, problem }) => [environment["VK_DRIVER_FILES"], problem])).toEqual(
      manifests.map((manifest) => [manifest, undefined]),
    );
  });

  test("a worker takes the one that is named, in its engine's thread, too", async () => {
    const { root } = await newHome(scope);
    const file = join(root, "tiny.gguf");
    const sizes = { hiddenSize: 128, headSize: 64, headCount: 2, kvHeadCount: 2, contextLength: 64 };
    await writeRandomGguf(randomModel({ config: { ...sizes, layerCount: 1 } }), file);
    const least = ["--max-num-seqs", "1", "--max-batch-tokens", "16", "--max-context", "64"];
    const cluster = await startCoordinator(scope, least, { model: [file, "--variant", "f16"] });
    const path = join(root, "stderr");
    await startLoudWorker(cluster, path);
    const { workers } = await statusWhere(cluster, ({ state }) => state === "SERVING");
    expect(workers.map(({ device }) => device)).toEqual(["webgpu:1"]);
    const said = await readFile(path, "utf8");
    expect(said).toContain(`computes on webgpu:1, ${adapters[1]?.name}`);
    expect(said).toContain(manifests[1]);
    expect(said).not.toContain(manifests[0]);
  });

  /** A worker on `webgpu:1` that writes what the Vulkan loader says into a file: of a pipe, lines would be lost. */
  async function startLoudWorker({ grpc, home }: TestCoordinator, path: string): Promise<void> {
    const stderr = await open(path, "w");
    const flags = ["--join", grpc, "--device", "webgpu:1", "--threads", "1"];
    const worker = spawn(process.execPath, [join(packageRoot, "dist/cli/main.js"), "worker", ...flags], {
      stdio: ["ignore", "ignore", stderr.fd],
      cwd: home.root,
      // biome-ignore lint/style/noProcessEnv: a process needs PATH and HOME as they are.
      env: { ...process.env, ...both, VK_LOADER_DEBUG: "driver", STAGECOACH_HOME: home.root },
    });
    await stderr.close();
    const ended = once(worker, "exit");
    scope.add(async () => {
      worker.kill();
      await ended;
    });
  }

  test("one that is not there, or could be two, is refused with those that are", async () => {
    const refusal = async (device: string) => {
      const home = await newHome(scope);
      const { code, stderr } = await runCli(["worker", "--device", device], { scope, home, env: both });
      expect(code).toBe(1);
      return stderr;
    };
    const [first, second] = adapters.map(({ name }, index) => `webgpu:${index} (${name})`);
    expect(await refusal("webgpu:2")).toContain(
      `--device webgpu:2: there is no such GPU: take ${first}, ${second}, or take --device cpu`,
    );
    expect(await refusal("webgpu:toaster")).toContain(`there is no such GPU: take ${first}, ${second}`);
    const word = /[a-z]{3,}/i.exec(adapters[0]?.name ?? "")?.[0] ?? "";
    expect(await refusal(`webgpu:${word}`)).toContain(
      `--device webgpu:${word}: that could be ${first} or ${second}: take a number`,
    );
  });

  test("doctor lists them by number", async () => {
    const home = await newHome(scope);
    const { stdout } = await runCli(["doctor"], { scope, home, env: both });
    expect(stdout).toContain(adapters.map(({ name }, index) => `webgpu:${index} ${name}`).join("; "));
  });
});
