import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { homeAt } from "../common/home.js";
import { openStore } from "../model/store/model-store.js";
import { createCpuRunner } from "../stage-worker/engine/cpu/create-cpu-runner.js";
import { RunnerBench } from "../stage-worker/engine/runner-bench.js";
import type { RunnerOptions } from "../stage-worker/engine/stage-runner.js";
import { createSampler } from "../stage-worker/sampler/create-sampler.js";
import { type EngineProfile, readEngineProfile } from "./engine-profile.js";

const usage = `Times one stage of a model in this process and says where the time goes.

  node dist/bench/profile-engine.js MODEL[:VARIANT] --home DIR [--layers 0:15] [--threads 1]
      [--rows 1,8,16] [--context 150] [--prefill 128,512] [--profile]

--profile times every node: the parts' shares are right, the whole takes longer than without.`;

/** What is timed: so many sequences with one token each, or one chunk of a prompt. */
type Case = { readonly kind: "rows" | "prefill"; readonly count: number };

const { values: given, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    home: { type: "string", default: "" },
    layers: { type: "string" },
    threads: { type: "string", default: "1" },
    rows: { type: "string", default: "1,8,16" },
    context: { type: "string", default: "150" },
    prefill: { type: "string", default: "128,512" },
    profile: { type: "boolean", default: false },
  },
});
await main();

async function main(): Promise<void> {
  const [reference] = positionals;
  if (reference === undefined || given.home === "") {
    console.error(usage);
    process.exitCode = 2;
    return;
  }
  const store = openStore(homeAt(given.home));
  const manifest = await store.get(reference);
  const { layerCount } = manifest.config;
  const [firstLayer = 0, endLayer = layerCount] = given.layers?.split(":").map(Number) ?? [];
  const options: RunnerOptions = {
    manifest,
    blobsFolder: store.home.blobs,
    firstLayer,
    endLayer,
    embedding: firstLayer === 0,
    head: endLayer === layerCount,
    blockSize: 16,
    blockCount: 4096,
    maxSequences: 64,
    laneCount: 1,
    maxContext: 1024,
    threads: Number(given.threads),
    memoryLimitBytes: 2 ** 33,
  };
  const cases: Case[] = [
    ...numbers(given.rows).map((count) => ({ kind: "rows" as const, count })),
    ...numbers(given.prefill).map((count) => ({ kind: "prefill" as const, count })),
  ];
  for (const one of cases) {
    const { ms, profile } = given.profile ? await profiled(options, one) : await timed(options, one);
    console.log(
      `${one.kind} ${one.count}: ${ms.toFixed(2)} ms, ${((one.count / ms) * 1e3).toFixed(0)} tok/s`,
    );
    if (profile) console.log(describe(profile));
  }
}

async function timed(
  options: RunnerOptions,
  { kind, count }: Case,
): Promise<{ ms: number; profile?: EngineProfile }> {
  const { config } = options.manifest;
  const runner = await createCpuRunner(options, createSampler(config.vocabularySize));
  const bench = new RunnerBench(runner, config, options.embedding ? "tokens" : "hidden", {
    ...options,
  });
  const ms =
    kind === "rows"
      ? ((await bench.timeDecodes([count], Number(given.context)))[0]?.ms ?? Number.NaN)
      : await bench.timePrefill(count);
  await bench.close();
  return { ms };
}

/** Only runs of as many tokens as the case has count: those before them fill the cache. */
async function profiled(options: RunnerOptions, one: Case) {
  const folder = await mkdtemp(join(tmpdir(), "profile-"));
  try {
    const { ms } = await timed({ ...options, profileFile: join(folder, "run") }, one);
    const [file] = await readdir(folder);
    const profile = readEngineProfile(await readFile(join(folder, file ?? ""), "utf8"), one.count);
    return { ms, profile };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function describe({ runs, runMs, parts }: EngineProfile): string {
  const lines = parts.map(
    ({ part, ms, nodes }) =>
      `  ${part.padEnd(12)} ${ms.toFixed(2).padStart(8)} ms ${((ms / runMs) * 100).toFixed(0).padStart(4)} % ${String(nodes).padStart(6)} nodes`,
  );
  return [`  session.run  ${runMs.toFixed(2).padStart(8)} ms, the fastest of ${runs}`, ...lines].join("\n");
}

function numbers(list: string): number[] {
  return list === "" ? [] : list.split(",").map(Number);
}
