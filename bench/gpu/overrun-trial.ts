import { parseArgs } from "node:util";
import { StagecoachError } from "../../common/errors.js";
import { greedySampling } from "../../common/greedy-sampling.js";
import { type Home, homeAt } from "../../common/home.js";
import { type Variant, variants } from "../../model/store/manifest.js";
import { parseDevice } from "../../stage-worker/device-name.js";
import { createRunner } from "../../stage-worker/engine/create-runner.js";
import { deviceKv } from "../../stage-worker/engine/device-kv.js";
import type { RunnerOptions, StageRunner } from "../../stage-worker/engine/stage-runner.js";
import { whileHeld } from "./hold-memory.js";
import type { MemoryTrial } from "./memory-report.js";
import { packedShape } from "./packed-shape.js";
import { modelShapes, type ShapeName } from "./random-model.js";

const usage = `Has a stage that was opened without trying out its largest micro-batch compute one token of a sequence and a
prompt of another, while a second process leaves less and less room, then more, and prints a JSON line each time.

  node dist/bench/gpu/overrun-trial.js SHAPE --home DIR [--device cuda] [--variant f16] [--tokens 2048]
      [--leave-mib 0,64,256]`;

const mebibyte = 1_048_576;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    home: { type: "string", default: "" },
    device: { type: "string", default: "cuda" },
    variant: { type: "string", default: "f16" },
    tokens: { type: "string", default: "2048" },
    "leave-mib": { type: "string", default: "0,64,256" },
  },
});
await main();

async function main(): Promise<void> {
  const [shape = ""] = positionals;
  const variant = variants.find((name) => name === given.variant);
  if (!Object.hasOwn(modelShapes, shape) || given.home === "" || variant === undefined) {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const home = homeAt(given.home);
  const levels = given["leave-mib"] === "" ? [] : given["leave-mib"].split(",").map(Number);
  const stage = await openStage(home, shape as ShapeName, variant, levels.length + 1);
  const { signal } = new AbortController();
  const held = (leaveBytes: number, body: (freeBytes: number) => Promise<MemoryTrial>) =>
    whileHeld({ device: given.device, home: home.root, leaveBytes, signal }, body);
  for (const [round, level] of levels.entries()) {
    const name = `a stage that was not tried out, with ${level} MiB left`;
    print(await held(level * mebibyte, (freeBytes) => computeRound(stage, round, name, freeBytes)));
  }
  if (levels.length > 0) {
    const halfBytes = Math.floor(stage.runner.weightBytes / 2);
    print(await held(halfBytes, (freeBytes) => openAnother(stage.options, freeBytes)));
  }
  print(await computeRound(stage, levels.length, "the same stage, with room again"));
  await stage.runner.close();
}

interface OpenedStage {
  readonly runner: StageRunner;
  readonly options: RunnerOptions;
}

/** With blocks for so many rounds; a number of blocks that is given is opened without being tried. */
async function openStage(
  home: Home,
  shape: ShapeName,
  variant: Variant,
  rounds: number,
): Promise<OpenedStage> {
  const named = parseDevice(given.device);
  const manifest = await packedShape(home, shape, variant);
  const blockSize = deviceKv(named.device, manifest).blockSize || 16;
  const roundBlocks = 1 + Math.ceil(Number(given.tokens) / blockSize);
  const options: RunnerOptions = {
    ...{ manifest, blobsFolder: home.blobs, firstLayer: 0, endLayer: manifest.config.layerCount },
    ...{ embedding: true, head: true, laneCount: 1, threads: 1, memoryLimitBytes: Number.MAX_SAFE_INTEGER },
    ...{ blockSize, blockCount: rounds * roundBlocks, maxSequences: 2 },
    maxContext: roundBlocks * blockSize,
  };
  return { runner: await createRunner({ ...named, options }), options };
}

/** Another stage beside the first, which is to be refused. */
async function openAnother(options: RunnerOptions, freeBytes: number): Promise<MemoryTrial> {
  const startedMs = performance.now();
  const reasons = await createRunner({ ...parseDevice(given.device), options: { ...options, blockCount: 0 } })
    .then(async (runner) => {
      await runner.close();
      return [];
    })
    .catch((error: unknown) => {
      const { code, message } = StagecoachError.from(error);
      return [`${code}: ${message}`];
    });
  const seconds = (performance.now() - startedMs) / 1000;
  const name = "another stage, with half of what its weights take left";
  return { name, freeBytes, computed: 1 - reasons.length, failed: reasons.length, reasons, seconds };
}

/** Computes one micro-batch of a round's own two sequences and blocks. */
async function computeRound(
  { runner, options }: OpenedStage,
  round: number,
  name: string,
  freeBytes?: number,
): Promise<MemoryTrial> {
  const sequenceIds = [2 * round + 1, 2 * round + 2];
  runner.open(sequenceIds.map(openingOf));
  const startedMs = performance.now();
  const { failed, reason } = await forward(runner, options, round, sequenceIds);
  const seconds = (performance.now() - startedMs) / 1000;
  runner.closeSequences(sequenceIds.map((sequenceId) => ({ sequenceId, keptBlocks: 0 })));
  return {
    name,
    ...(freeBytes !== undefined && { freeBytes }),
    computed: sequenceIds.length - failed.length,
    failed: failed.length,
    reasons: reason === undefined ? [] : [`${reason.code}: ${reason.message}`],
    seconds,
  };
}

async function forward(
  runner: StageRunner,
  { blockSize, manifest, maxContext }: RunnerOptions,
  round: number,
  sequenceIds: readonly number[],
): Promise<{ failed: readonly number[]; reason?: StagecoachError }> {
  const lengths = [1, Number(given.tokens)];
  const firstBlock = (round * maxContext) / blockSize;
  const others = Array.from(
    { length: Math.ceil(Number(given.tokens) / blockSize) },
    (_, i) => firstBlock + 1 + i,
  );
  const each = <Value>(value: Value): Value[] => sequenceIds.map(() => value);
  const newBlocks = [[firstBlock], others];
  const batch = { lane: 0, sequenceIds, lengths, newBlocks, contextLengths: each(0), sample: each(true) };
  const tokens = lengths.reduce((sum, length) => sum + length, 0);
  const { vocabularySize } = manifest.config;
  const tokenIds = Uint32Array.from({ length: tokens }, (_, index) => (index * 7919) % vocabularySize);
  try {
    const { failed } = await runner.forward(batch, { kind: "tokens", tokenIds });
    return failed === undefined ? { failed: [] } : { failed: failed.sequenceIds, reason: failed.reason };
  } catch (error) {
    return { failed: sequenceIds, reason: StagecoachError.from(error) };
  }
}

function openingOf(sequenceId: number) {
  const empty = { history: new Uint32Array(0), cachedLength: 0, cachedBlocks: [] };
  return { sequenceId, promptLength: 1, sampling: greedySampling, ...empty };
}

function print(trial: MemoryTrial): void {
  console.log(JSON.stringify(trial));
}
