import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Home } from "../../common/home.js";
import type { Blob, Manifest } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { stageBlobs } from "../../model/store/stage-blobs.js";
import { measuredLayers, measureSchedule } from "../../stage-worker/engine/measure-schedule.js";
import { goldenPrompts, goldenRun } from "../fixtures/golden-runs.js";
import {
  generate,
  startCoordinator,
  startWorker,
  statusWhere,
  tinyModel,
} from "../fixtures/local-cluster.js";
import { testScope } from "../fixtures/scope.js";
import { newHome, runCli } from "../fixtures/spawn-cli.js";

test("workers on other disks fetch the blobs they compute with, and no others", async () => {
  const scope = testScope();
  const coordinator = await startCoordinator(scope, ["--stages", "2", "--expected-workers", "2"]);
  const homes = new Map([
    ["w0", await newHome(scope)],
    ["w1", await newHome(scope)],
  ]);
  for (const [workerId, home] of homes) await startWorker(scope, coordinator, workerId, { home });
  const { workers } = await statusWhere(coordinator, ({ state }) => state === "SERVING");

  const manifest = await manifestIn(coordinator.home);
  for (const { workerId, stageIndex, stage } of workers) {
    const home = homes.get(workerId) ?? coordinator.home;
    const { firstLayer = 0, endLayer = 0 } = stage ?? {};
    const held = { manifest, firstLayer, endLayer, embedding: stageIndex === 0, head: stageIndex === 1 };
    const wanted = [...stageBlobs(held), ...blobsToMeasure(manifest)].map(({ sha256 }) => sha256);
    const here = (await readdir(home.blobs)).filter((name) => !name.endsWith(".onnx"));
    expect(here.sort(), workerId).toEqual([...new Set(wanted)].sort());
    for (const name of here) expect(hashOf(await readFile(join(home.blobs, name)))).toBe(name);
  }
  const [golden] = goldenPrompts("stories260k.json");
  if (golden === undefined) throw new Error("no golden prompt");
  const request = {
    promptIds: { ids: [...golden.promptIds] },
    options: { temperature: 0, maxTokens: 64, ignoreEos: true },
  };
  expect((await generate(coordinator.client, request)).ids).toEqual(goldenRun(golden, "f32").ids);
});

test("a blob that is not what its name says is refused, named, and not kept", async () => {
  const scope = testScope();
  const home = await newHome(scope);
  expect(await runCli(["pull", ...tinyModel], { scope, home })).toMatchObject({ code: 0 });
  const bad = await damageBlob(home, ({ role, layer }) => role === "layer" && layer === 0);

  const coordinator = await startCoordinator(scope, ["--stages", "1"], { home });
  const own = await newHome(scope);
  const worker = await startWorker(scope, coordinator, "w0", { home: own });
  const { stateDetail } = await statusWhere(coordinator, ({ state }) => state === "FAILED");
  expect(stateDetail).toMatch(new RegExp(`^worker "w0" at .*: .*blob ${bad}`));
  expect(stateDetail).toMatch(/sha256|hash/);
  expect((await readdir(own.blobs)).filter((name) => name.startsWith(bad))).toEqual([]);

  const ready = await fetch(`${coordinator.http}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ reason: stateDetail });
  // Pulling mends the damaged blob; the cluster tries again by itself.
  expect(await runCli(["pull", ...tinyModel], { scope, home })).toMatchObject({ code: 0 });
  await statusWhere(coordinator, ({ state }) => state === "SERVING");
  worker.signal("SIGTERM");
  expect(await worker.ended).toMatchObject({ code: 0 });
});

async function manifestIn(home: Home): Promise<Manifest> {
  return await openStore(home).get("stories260k-f32:f32");
}

/** What a worker reads to time its machine; see ModelMeasurer. */
function blobsToMeasure(manifest: Manifest): Blob[] {
  const schedule = measureSchedule("cpu", manifest, { maxSequences: 16, maxBatchTokens: 512 });
  const endLayer = measuredLayers(manifest, schedule);
  const part = { manifest, firstLayer: 0, endLayer, embedding: true, head: true };
  return stageBlobs(part);
}

/** Turns one bit of a blob's file; its name. */
async function damageBlob(home: Home, choose: (blob: Blob) => boolean): Promise<string> {
  const blob = (await manifestIn(home)).blobs.find(choose);
  if (blob === undefined) throw new Error("no such blob");
  const path = join(home.blobs, blob.sha256);
  const bytes = await readFile(path);
  bytes.writeUInt8(bytes.readUInt8(5_000) ^ 1, 5_000);
  await writeFile(path, bytes);
  return blob.sha256;
}

function hashOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
