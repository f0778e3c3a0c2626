import { parseArgs } from "node:util";
import { homeAt } from "../../common/home.js";
import { type Manifest, type Variant, variants } from "../../model/store/manifest.js";
import { openStore } from "../../model/store/model-store.js";
import { deviceHere } from "../../stage-worker/device-here.js";
import { createRunner } from "../../stage-worker/engine/create-runner.js";
import { deviceKv } from "../../stage-worker/engine/device-kv.js";
import { RunnerBench } from "../../stage-worker/engine/runner-bench.js";
import type { RunnerOptions } from "../../stage-worker/engine/stage-runner.js";
import { describeWeights } from "../../stage-worker/weights/gpu-weights.js";
import { wholeModelWeights } from "../../stage-worker/weights/whole-model-weights.js";
import { distribution } from "../statistics.js";
import type { DecodeRound, PrefillRound } from "./gpu-report.js";
import { packedShape } from "./packed-shape.js";
import { modelShapes, type ShapeName } from "./random-model.js";
import { samplingNamed, samplings } from "./samplings.js";

const forms = ["auto", "f16", "packed"] as const;
type Form = (typeof forms)[number];

const usage = `Times one stage that holds a whole model, in this process and step after step, and prints JSON lines.

  node dist/bench/gpu/engine-rates.js SHAPE --home DIR [--device cuda] [--variant f16] [--rows 1,16,128]
      [--prompt-tokens 128] [--steps 128] [--prefill 512,2048] [--rounds 3] [--threads 1] [--pack-only]
      [--gpu-weights FORM] [--sampling ${Object.keys(samplings).join(",")}]

FORM is ${forms.join(", ")}, of weights on a GPU. Packed weights go through CUDA's kernel for few rows where the
most rows are 4 to 63. SHAPE is one of ${Object.keys(modelShapes).join(", ")}; its random weights are kept in the home for the next time.`;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    home: { type: "string", default: "" },
    device: { type: "string", default: "cuda" },
    variant: { type: "string", default: "f16" },
    rows: { type: "string", default: "1,16,64,128,256" },
    "prompt-tokens": { type: "string", default: "128" },
    steps: { type: "string", default: "128" },
    prefill: { type: "string", default: "512,2048" },
    rounds: { type: "string", default: "3" },
    threads: { type: "string", default: "1" },
    sampling: { type: "string", default: "greedy" },
    "gpu-weights": { type: "string", default: "auto" },
    "pack-only": { type: "boolean", default: false },
  },
});
await main();

async function main(): Promise<void> {
  const [shape] = positionals;
  const variant = variants.find((name) => name === given.variant);
  const form = forms.find((name) => name === given["gpu-weights"]);
  const isKnown = shape !== undefined && Object.hasOwn(modelShapes, shape);
  if (!isKnown || given.home === "" || variant === undefined || form === undefined) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const manifest = await packedShape(homeAt(given.home), shape as ShapeName, variant);
  if (!given["pack-only"]) await measure(manifest, { shape, variant, form });
}

async function measure(
  stored: Manifest,
  { shape, variant, form }: { readonly shape: string; readonly variant: Variant; readonly form: Form },
): Promise<void> {
  const [rowCounts, chunks] = [numbers(given.rows), numbers(given.prefill)];
  const [promptTokens, steps, rounds] = [given["prompt-tokens"], given.steps, given.rounds].map(Number) as [
    number,
    number,
    number,
  ];
  const named = await deviceHere(given.device);
  const blockSize = deviceKv(named.device, stored).blockSize || 16;
  const whole = (tokens: number): number => Math.ceil(tokens / blockSize) * blockSize;
  const maxSequences = Math.max(...rowCounts);
  const [maxContext, longestPrompt] = [whole(promptTokens + steps), whole(Math.max(...chunks))];
  const longest = Math.max(maxContext, longestPrompt);
  const store = openStore(homeAt(given.home));
  const demand = { maxSequences, maxContext: longest };
  const { manifest, chosen } = await wholeModelWeights(store, stored, named, form, demand);
  const options: RunnerOptions = {
    manifest,
    blobsFolder: store.home.blobs,
    firstLayer: 0,
    endLayer: manifest.config.layerCount,
    embedding: true,
    head: true,
    blockSize,
    // The same blocks serve many short sequences, then few long ones.
    blockCount: Math.max(maxSequences * maxContext, longestPrompt) / blockSize,
    maxSequences,
    laneCount: 1,
    maxContext: longest,
    threads: Number(given.threads),
    memoryLimitBytes: Number.MAX_SAFE_INTEGER,
    fewRowsKernel: chosen.fewRowsKernel,
  };
  const startedMs = performance.now();
  const runner = await createRunner({ ...named, options });
  const { weightBytes } = runner;
  const seconds = (performance.now() - startedMs) / 1000;
  print({ kind: "opened", shape, variant, weightBytes, ...describeWeights(chosen), seconds });
  for (const sampling of given.sampling.split(",")) {
    const manner = { sampling: samplingNamed(sampling) };
    const decodes = new RunnerBench(runner, manifest.config, "tokens", options, manner);
    await decodes.timeSteps(1, promptTokens, 2);
    for (const rows of rowCounts) {
      for (let round = 1; round <= rounds; round++)
        print({ ...(await timeDecodes(decodes, { rows, round, promptTokens, steps })), sampling });
    }
  }
  const prefills = new RunnerBench(runner, manifest.config, "tokens", options);
  for (const tokens of chunks) {
    // The first of a size is slower.
    await prefills.timeOnce(tokens);
    for (let round = 1; round <= rounds; round++) print(await timePrefill(prefills, tokens, round));
  }
  await runner.close();
}

async function timeDecodes(
  bench: RunnerBench,
  { rows, round, promptTokens, steps }: Pick<DecodeRound, "rows" | "round" | "promptTokens" | "steps">,
): Promise<DecodeRound> {
  const times = await bench.timeSteps(rows, promptTokens, steps);
  const endUnixMs = Date.now();
  const totalMs = times.reduce((sum, ms) => sum + ms, 0);
  const { p50, p99 } = distribution(times);
  return {
    kind: "decode",
    ...{ rows, round, promptTokens, steps },
    tokensPerSecond: (1000 * rows * steps) / totalMs,
    stepP50Ms: p50,
    stepP99Ms: p99,
    startUnixMs: endUnixMs - totalMs,
    endUnixMs,
  };
}

async function timePrefill(bench: RunnerBench, tokens: number, round: number): Promise<PrefillRound> {
  const ms = await bench.timeOnce(tokens);
  return { kind: "prefill", tokens, round, ms, tokensPerSecond: (1000 * tokens) / ms };
}

function numbers(text: string): number[] {
  return text.split(",").map(Number);
}

function print(line: object): void {
  console.log(JSON.stringify(line));
}
