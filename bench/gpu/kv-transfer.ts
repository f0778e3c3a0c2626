import { parseArgs } from "node:util";
import { StagecoachError } from "../../common/errors.js";
import { greedySampling } from "../../common/greedy-sampling.js";
import { homeAt } from "../../common/home.js";
import { openStore } from "../../model/store/model-store.js";
import { deviceHere } from "../../stage-worker/device-here.js";
import { createRunner } from "../../stage-worker/engine/create-runner.js";
import { RunnerBench } from "../../stage-worker/engine/runner-bench.js";
import type {
  BlockContent,
  RunnerOptions,
  SampledToken,
  StageRunner,
} from "../../stage-worker/engine/stage-runner.js";

const usage = `Moves KV blocks out of a stage that holds a whole model and in again elsewhere, in this process, holds what
is computed on them to what was computed before, times a step with and without the means for it, and prints JSON lines.

  node dist/bench/gpu/kv-transfer.js MODEL --home DIR [--device cuda] [--blocks 8] [--block-size 256]
      [--rows 1,16] [--context 256]

MODEL is in the home, such as random-1b after engine-rates.js 1b --pack-only.`;

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    home: { type: "string", default: "" },
    device: { type: "string", default: "cuda" },
    blocks: { type: "string", default: "8" },
    "block-size": { type: "string", default: "256" },
    rows: { type: "string", default: "1,16" },
    context: { type: "string", default: "256" },
  },
});
await main();

async function main(): Promise<void> {
  const [model] = positionals;
  if (model === undefined || given.home === "") {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const options = await optionsFor(model);
  const device = await deviceHere(given.device);
  const open = (kvTransfer: boolean): Promise<StageRunner> =>
    createRunner({ ...device, options: { ...options, kvTransfer } });
  const runner = await open(true);
  await moveBlocks(runner, Number(given.blocks), options);
  await runner.close();
  for (const kvTransfer of [false, true]) {
    const bench = new RunnerBench(await open(kvTransfer), options.manifest.config, "tokens", options);
    const rows = given.rows.split(",").map(Number);
    for (const time of await bench.timeDecodes(rows, Number(given.context))) {
      print({ kvTransfer, decodeRows: time.rows, context: Number(given.context), ms: time.ms });
    }
    await bench.close();
  }
}

/** Sequence 1 computes a prompt; 2 goes on from its blocks, 3 from those that were moved: both have to say the same. */
async function moveBlocks(
  runner: StageRunner,
  count: number,
  { blockSize, manifest }: RunnerOptions,
): Promise<void> {
  const { vocabularySize } = manifest.config;
  const tokens = Uint32Array.from(
    { length: count * blockSize },
    (_, index) => (index * 7919) % vocabularySize,
  );
  const [own, moved] = [range(0, count), range(count, 2 * count).reverse()];
  runner.open([openingOf(1, 0, [])]);
  await forward(runner, [1], 0, tokens, [own]);
  let startedMs = performance.now();
  const content = await runner.exportBlocks?.(own);
  if (content === undefined) throw new StagecoachError("INTERNAL", `${given.device} exports no blocks`);
  const exportMs = performance.now() - startedMs;
  startedMs = performance.now();
  await runner.importBlocks?.(moved, content);
  const importMs = performance.now() - startedMs;
  const again = await runner.exportBlocks?.(moved);

  runner.open([openingOf(2, tokens.length, own), openingOf(3, tokens.length, moved)]);
  const tokenIds: number[] = [];
  let largestDifference = 0;
  for (let step = 0; step < 4; step++) {
    const newBlocks = step === 0 ? [[2 * count], [2 * count + 1]] : [[], []];
    const next = Uint32Array.of(step, step);
    const [one, other] = await forward(runner, [2, 3], tokens.length + step, next, newBlocks);
    const difference = Math.abs((one?.logprob ?? Number.NaN) - (other?.logprob ?? Number.NaN));
    largestDifference = Math.max(largestDifference, difference);
    tokenIds.push(...[one, other].map((token) => token?.tokenId ?? -1));
  }
  const bytes = content.parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const same = { bits: sameBits(content, again), tokens: pairwiseEqual(tokenIds), largestDifference };
  print({ blocks: count, bytes, exportMs, importMs, same });
}

/** @returns what was sampled of each sequence */
async function forward(
  runner: StageRunner,
  sequenceIds: readonly number[],
  context: number,
  tokenIds: Uint32Array,
  newBlocks: readonly (readonly number[])[],
): Promise<readonly SampledToken[]> {
  const each = <Value>(value: Value): Value[] => sequenceIds.map(() => value);
  const batch = {
    ...{ lane: 0, sequenceIds, newBlocks, sample: each(true) },
    ...{ contextLengths: each(context), lengths: each(tokenIds.length / sequenceIds.length) },
  };
  const output = await runner.forward(batch, { kind: "tokens", tokenIds });
  if (output.kind !== "tokens") throw new StagecoachError("INTERNAL", "a whole model gives tokens");
  return output.tokens;
}

function openingOf(sequenceId: number, cachedLength: number, cachedBlocks: readonly number[]) {
  const sampling = { ...greedySampling, wantLogprobs: true };
  return { sequenceId, history: new Uint32Array(0), promptLength: 1, cachedLength, cachedBlocks, sampling };
}

function sameBits(one: BlockContent, other: BlockContent | undefined): boolean {
  return one.parts.every((part, index) => {
    const theirs = other?.parts[index];
    return theirs !== undefined && Buffer.compare(Buffer.from(part.buffer), Buffer.from(theirs.buffer)) === 0;
  });
}

function pairwiseEqual(values: readonly number[]): boolean {
  return values.every((value, index) => value === values[index - (index % 2)]);
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

async function optionsFor(model: string): Promise<RunnerOptions> {
  const store = openStore(homeAt(given.home));
  const manifest = await store.find(model, "f16");
  if (manifest === undefined) {
    throw new StagecoachError("NOT_FOUND", `${given.home} has no ${model} as f16`);
  }
  const blockSize = Number(given["block-size"]);
  const maxSequences = Math.max(3, ...given.rows.split(",").map(Number)) + 1;
  const blocksEach = Math.max(Number(given.blocks) + 1, Math.ceil(Number(given.context) / blockSize) + 1);
  return {
    ...{ manifest, blobsFolder: store.home.blobs, firstLayer: 0, endLayer: manifest.config.layerCount },
    ...{ embedding: true, head: true, laneCount: 1, threads: 1, memoryLimitBytes: Number.MAX_SAFE_INTEGER },
    ...{ blockSize, maxSequences, maxContext: blocksEach * blockSize, blockCount: maxSequences * blocksEach },
  };
}

function print(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line));
}
