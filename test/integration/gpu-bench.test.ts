import { chmod, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { GpuReport } from "../../bench/gpu/gpu-report.js";
import type { Home } from "../../common/home.js";
import { processesNaming } from "../fixtures/process-tree.js";
import { Scope } from "../fixtures/scope.js";
import { type CliProcess, newHome, startCli } from "../fixtures/spawn-cli.js";

const scope = new Scope();
let home: Home;
let output: string;

beforeAll(async () => {
  home = await newHome(scope);
  output = join(home.root, "report.json");
});
afterAll(() => scope.end());

/** A busy machine is measured twice. */
const patienceMs = 180_000;

const small = [
  ...["--shape", "tiny", "--device", "cpu", "--threads", "1", "--rounds", "2", "--concurrency", "1,3"],
  ...["--prompt-tokens", "16", "--output-tokens", "8", "--long-prompt-tokens", "40", "--prefill", "16,32"],
];

function gpuBench(...args: string[]): CliProcess {
  return startCli(args, { scope, home, program: "bench/gpu/gpu-bench.js" });
}

function measure(...args: string[]): CliProcess {
  return gpuBench(...small, "--home", home.root, "--output", output, ...args);
}

async function report(): Promise<GpuReport> {
  return JSON.parse(await readFile(output, "utf8")) as GpuReport;
}

const number = expect.any(Number);

test(
  "every part has its rounds, their medians and what the processes did",
  async () => {
    const parts = "engine,hf,one,http,long-prompt,sampling,memory";
    const { code, stderr } = await measure("--parts", parts, "--python", await fakePython()).ended;
    expect(code, stderr).toBe(0);
    const written = await report();
    expect(written).toMatchObject({
      schemaVersion: 1,
      ended: "complete",
      shape: "tiny",
      device: "cpu",
      workload: { promptTokens: 16, outputTokens: 8, rounds: 2 },
      versions: { onnxruntimeNode: expect.stringMatching(/^\d+\.\d+/) },
    });
    expect(Object.values(written.parts).map(({ state }) => state)).toEqual(Array(7).fill("complete"));
    const { engine, hf, one, http, "long-prompt": longPrompt, sampling, memory } = written.parts;
    expect(engine?.engine?.decodes).toMatchObject([{ medians: { rows: 1 } }, { medians: { rows: 3 } }]);
    expect(engine?.engine?.prefills.map(({ rounds }) => rounds.length)).toEqual([2, 2]);
    expect(hf?.huggingFace).toMatchObject({ versions: { torch: "2" }, runs: [{ medians: { rows: 3 } }] });
    const medians = { wholeTokensPerSecond: number, ttftP50Ms: number, interTokenP99Ms: number };
    const processes = { coordinator: { eventLoopShare: number }, client: { cpuSeconds: number } };
    const stages = [{ stageIndex: 0, busyShare: number, hopP50Ms: number, eventLoopShare: number }];
    const run = { medians: { ...medians, ...processes, stages }, rounds: [{}, {}] };
    expect(one).toMatchObject({
      cluster: { stages: [{ device: "cpu", firstLayer: 0, endLayer: 4 }] },
      runs: [
        { ...run, front: "grpc", requests: 1 },
        { ...run, front: "grpc", requests: 3 },
      ],
    });
    expect(http?.runs).toMatchObject([
      { ...run, front: "http" },
      { ...run, front: "http" },
    ]);
    expect(longPrompt?.runs).toMatchObject([{ ...run, promptTokens: 40, requests: 1 }]);
    expect(sampling?.runs?.map(({ label }) => label)).toEqual([
      "greedy",
      "temperature 1",
      "top_p 0.9, temperature 0.01",
    ]);
    // The tiny weights fit even the least limit, and nobody fills up the machine's memory.
    expect(memory?.memory?.trials).toMatchObject([
      { name: "start with 16.0 MiB for 2.0 MiB of weights", computed: 1, failed: 0 },
      { name: "requests, with room again", computed: 8, failed: 0, reasons: [] },
      { name: "the same stage, with room again", computed: 2, failed: 0, reasons: [] },
    ]);

    const tables = await gpuBench("--table", output).ended;
    expect(tables.stdout).toMatch(/\| at once, tok\/s \|.*engine.*one, decoding.*http, whole.*HF, whole/);
    expect(tables.stdout).toMatch(/### long-prompt \(complete/);
  },
  patienceMs,
);

test(
  "a part that fails is told, and the others are measured",
  async () => {
    const { code } = await measure("--parts", "hf,two", "--python", "/nowhere/python3").ended;
    expect(code).toBe(1);
    const { ended, parts } = await report();
    expect(ended).toBe("complete");
    expect(parts.hf).toMatchObject({ state: "failed", reason: expect.stringContaining("cannot be started") });
    expect(parts.two?.cluster?.stages.map(({ stageIndex }) => stageIndex)).toEqual([0, 1]);
    expect(parts.two?.runs).toHaveLength(2);
  },
  patienceMs,
);

test(
  "four stages are measured in four processes and in one",
  async () => {
    const { code, stderr } = await measure("--parts", "four,four-in-one", "--rounds", "1").ended;
    expect(code, stderr).toBe(0);
    const { parts } = await report();
    for (const part of [parts.four, parts["four-in-one"]]) {
      expect(part?.cluster?.stages.map(({ stageIndex }) => stageIndex)).toEqual([0, 1, 2, 3]);
      expect(part?.runs).toHaveLength(2);
    }
  },
  patienceMs,
);

test(
  "one that is asked to end keeps what it has and leaves no process behind",
  async () => {
    const process = measure("--parts", "one,two", "--output-tokens", "2000");
    await process.says(/one: 1 at once, round 1/);
    // It, a coordinator and a worker.
    expect((await processesNaming(home.root)).length).toBeGreaterThanOrEqual(3);
    process.signal("SIGTERM");
    expect(await process.ended).toMatchObject({ code: 1 });
    expect(await report()).toMatchObject({
      ended: "interrupted",
      parts: { one: { state: "cut short", reason: "interrupted" } },
    });
    expect(await processesNaming(home.root)).toEqual([]);
  },
  patienceMs,
);

/** Prints what hf_generate.py does, for no machine of ours has transformers. */
async function fakePython(): Promise<string> {
  const path = join(home.root, "python");
  const round = { durationMs: 4, ttftMs: 1, wholeTokensPerSecond: 2, decodeTokensPerSecond: 3 };
  const lines = [
    { kind: "versions", versions: { torch: "2" } },
    { kind: "copy", bytesPerSecond: 1e12 },
    { kind: "generate", rows: 3, round: 1, ...round },
    { kind: "generate", rows: 3, round: 2, ...round },
  ];
  const script = lines.map((line) => `echo '${JSON.stringify(line)}'`).join("\n");
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}
