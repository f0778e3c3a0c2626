import { parseArgs } from "node:util";
import { homeAt } from "../../common/home.js";
import { packModel } from "../../model/pack/pack-model.js";
import type { Manifest } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import { createRunner } from "../../stage-worker/engine/create-runner.js";
import { RunnerBench } from "../../stage-worker/engine/runner-bench.js";
import type { RunnerOptions } from "../../stage-worker/engine/stage-runner.js";
import { gpuPace } from "../../stage-worker/engine/time-rounds.js";
import { modelShapes, randomModel, type ShapeName } from "./random-model.js";

const usage = `Times one stage that holds a whole model on a GPU, in this process, and prints JSON lines.

  node dist/bench/gpu/engine-rates.js SHAPE --home DIR [--device cuda] [--rows 1,16,128] [--context 256]
      [--prefill 512,2048] [--block-size 256] [--pack-only]

SHAPE is one of ${Object.keys(modelShapes).join(", ")}; its random weights are kept in the home for the next time.`;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    home: { type: "string", default: "" },
    device: { type: "string", default: "cuda" },
    rows: { type: "string", default: "1,16,64,128,256" },
    context: { type: "string", default: "256" },
    prefill: { type: "string", default: "512,2048" },
    "block-size": { type: "string", default: "256" },
    "pack-only": { type: "boolean", default: false },
  },
});
await main();

async function main(): Promise<void> {
  const [shape] = positionals;
  if (shape === undefined || !(shape in modelShapes) || given.home === "") {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const { manifest, blobsFolder } = await packed(shape as ShapeName);
  if (given["pack-only"]) return;
  const rows = given.rows.split(",").map(Number);
  const chunks = given.prefill.split(",").map(Number);
  const context = Number(given.context);
  const blockSize = Number(given["block-size"]);
  const most = Math.max(...chunks, context + 64);
  const maxContext = Math.ceil(most / blockSize) * blockSize;
  const maxSequences = Math.max(...rows) + 1;
  const options: RunnerOptions = {
    manifest,
    blobsFolder,
    firstLayer: 0,
    endLayer: manifest.config.layerCount,
    embedding: true,
    head: true,
    blockSize,
    blockCount: (maxSequences * maxContext) / blockSize,
    maxSequences,
    laneCount: 1,
    maxContext,
    threads: 1,
    memoryLimitBytes: Number.MAX_SAFE_INTEGER,
  };
  const startedMs = performance.now();
  const runner = await createRunner({ ...parseDevice(given.device), options });
  print({ shape, device: given.device, opened: true, seconds: (performance.now() - startedMs) / 1000 });
  const bench = new RunnerBench(runner, manifest.config, "tokens", options, gpuPace);
  for (const { rows: count, ms } of await bench.timeDecodes(rows, context)) {
    print({ shape, decodeRows: count, context, ms, tokensPerSecond: (1000 * count) / ms });
  }
  for (const tokens of chunks) {
    const ms = await bench.timePrefill(tokens);
    print({ shape, prefillTokens: tokens, ms, tokensPerSecond: (1000 * tokens) / ms });
  }
  await bench.close();
}

/** Packed before, or now. */
async function packed(shape: ShapeName): Promise<{ manifest: Manifest; blobsFolder: string }> {
  const store = openStore(homeAt(given.home));
  const name = `random-${shape}`;
  const known = await store.find(name, "f16");
  if (known !== undefined) return { manifest: known, blobsFolder: store.home.blobs };
  const source = randomModel(shape);
  const manifest = await packModel({ source, store, name, variant: "f16" });
  return { manifest, blobsFolder: store.home.blobs };
}

function print(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line));
}
