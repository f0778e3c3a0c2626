import { parseArgs } from "node:util";
import { homeAt } from "../../common/home.js";
import { packModel } from "../../model/pack/pack-model.js";
import type { Manifest } from "../../model/store/manifest.js";
import { type ModelStore, openStore } from "../../model/store/model-store.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import { createRunner } from "../../stage-worker/engine/create-runner.js";
import { RunnerBench } from "../../stage-worker/engine/runner-bench.js";
import type { RunnerOptions } from "../../stage-worker/engine/stage-runner.js";
import { describeWeights } from "../../stage-worker/weights/gpu-weights.js";
import { wholeModelWeights } from "../../stage-worker/weights/whole-model-weights.js";
import { modelShapes, randomModel, type ShapeName } from "./random-model.js";

const variants = ["f16", "int4"] as const;
type Variant = (typeof variants)[number];
const forms = ["auto", "f16", "packed"] as const;
type Form = (typeof forms)[number];

const usage = `Times one stage that holds a whole model on a GPU, in this process, and prints JSON lines.

  node dist/bench/gpu/engine-rates.js SHAPE --home DIR [--device cuda] [--rows 1,16,128] [--context 256]
      [--prefill 512,2048] [--block-size 256] [--variant VARIANT] [--gpu-weights FORM] [--pack-only]

VARIANT is ${variants.join(" or ")}, FORM ${forms.join(", ")}. Packed weights go through CUDA's kernel for few rows where the
most rows are 4 to 63. SHAPE is one of ${Object.keys(modelShapes).join(", ")}; its random weights are kept in the home for the next time.`;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    home: { type: "string", default: "" },
    device: { type: "string", default: "cuda" },
    rows: { type: "string", default: "1,16,64,128,256" },
    context: { type: "string", default: "256" },
    prefill: { type: "string", default: "512,2048" },
    "block-size": { type: "string", default: "256" },
    variant: { type: "string", default: "f16" },
    "gpu-weights": { type: "string", default: "auto" },
    "pack-only": { type: "boolean", default: false },
  },
});
await main();

async function main(): Promise<void> {
  const [shape] = positionals;
  const known = variants.includes(given.variant as Variant) && forms.includes(given["gpu-weights"] as Form);
  if (shape === undefined || !(shape in modelShapes) || given.home === "" || !known) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const store = openStore(homeAt(given.home));
  const stored = await packed(store, shape as ShapeName);
  if (given["pack-only"]) return;
  const rows = given.rows.split(",").map(Number);
  const chunks = given.prefill.split(",").map(Number);
  const context = Number(given.context);
  const blockSize = Number(given["block-size"]);
  const most = Math.max(...chunks, context + 64);
  const maxContext = Math.ceil(most / blockSize) * blockSize;
  const maxSequences = Math.max(...rows) + 1;
  const device = parseDevice(given.device);
  const wanted = given["gpu-weights"] as Form;
  const demand = { maxSequences, maxContext };
  const { manifest, chosen } = await wholeModelWeights(store, stored, device, wanted, demand);
  print({ shape, variant: given.variant, ...describeWeights(chosen) });
  const options: RunnerOptions = {
    manifest,
    blobsFolder: store.home.blobs,
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
    fewRowsKernel: chosen.fewRowsKernel,
  };
  const startedMs = performance.now();
  const runner = await createRunner({ ...device, options });
  print({ shape, device: given.device, opened: true, seconds: (performance.now() - startedMs) / 1000 });
  const bench = new RunnerBench(runner, manifest.config, "tokens", options);
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
async function packed(store: ModelStore, shape: ShapeName): Promise<Manifest> {
  const name = `random-${shape}`;
  const variant = given.variant as Variant;
  return (
    (await store.find(name, variant)) ??
    (await packModel({ source: randomModel(shape), store, name, variant }))
  );
}

function print(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line));
}
