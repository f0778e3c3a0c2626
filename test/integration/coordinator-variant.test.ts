import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { generate, startCoordinator, startWorker, statusWhere } from "../fixtures/local-cluster.js";
import { writeRandomGguf } from "../fixtures/random-gguf.js";
import { randomModel } from "../fixtures/random-model.js";
import { Scope, testScope } from "../fixtures/scope.js";
import { newHome } from "../fixtures/spawn-cli.js";
import { webgpuMissing } from "../fixtures/webgpu.js";

const timeoutMs = 120_000;
const request = { promptIds: { ids: [5, 6] }, options: { temperature: 0, maxTokens: 4, ignoreEos: true } };

const noWebgpu = await webgpuMissing();

describe("a coordinator that is started alone, without a variant", () => {
  const files = new Scope();
  let file: string;
  afterAll(() => files.end());
  beforeAll(async () => {
    const { root } = await newHome(files);
    file = join(root, "tiny.gguf");
    const sizes = { hiddenSize: 128, headSize: 64, headCount: 4, kvHeadCount: 2, contextLength: 256 };
    await writeRandomGguf(randomModel({ config: sizes }), file);
  });

  test("takes the fastest for CPUs, and packs it when they have joined", { timeout: timeoutMs }, async () => {
    const scope = testScope();
    const coordinator = await startCoordinator(scope, [], { model: [file] });
    const { variant, state } = await statusWhere(coordinator, () => true);
    expect([variant, state]).toEqual(["auto", "WAITING_FOR_WORKERS"]);
    await startWorker(scope, coordinator, "c");
    const serving = await statusWhere(coordinator, (status) => status.state === "SERVING");
    // Random weights may come out too far from themselves to be rounded.
    expect(["int8", "f32"]).toContain(serving.variant);
    expect((await generate(coordinator.client, request)).ids).toHaveLength(4);
  });

  test.skipIf(noWebgpu !== undefined)(
    "takes f16 for a GPU, and says why",
    { timeout: timeoutMs },
    async () => {
      const scope = testScope();
      const coordinator = await startCoordinator(scope, [], { model: [file] });
      await startWorker(scope, coordinator, "g", { flags: ["--device", "webgpu"] });
      const serving = await statusWhere(coordinator, (status) => status.state === "SERVING");
      expect(serving.variant).toBe("f16");
      await coordinator.process.says(/serves tiny as f16: GPUs multiply floats fastest/);
      expect((await generate(coordinator.client, request)).ids).toHaveLength(4);
    },
  );
});
