import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Home } from "../../common/home.js";
import { tinyModel } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";
import { type CliEnd, newHome, runCli } from "../fixtures/spawn-cli.js";

const scope = new Scope();
let home: Home;

beforeAll(async () => {
  home = await newHome(scope);
});
afterAll(() => scope.end());

/** For commands that start clusters and then load them. */
const patienceMs = 180_000;

const [path = "", ...variant] = tinyModel;
const model = ["--model", path, ...variant];

function bench(...args: string[]): Promise<CliEnd> {
  return runCli(["bench", ...args], { scope, home });
}

test("a trace of a file is replayed, and requests within limits are counted", async () => {
  const trace = join(home.root, "trace.jsonl");
  const lines = [
    { arrivalMs: 0, promptTokens: 8, outputTokens: 6 },
    { arrivalMs: 5, promptTokens: 20, outputTokens: 2 },
  ];
  await writeFile(trace, lines.map((line) => JSON.stringify(line)).join("\n"));
  const limits = ["--goodput", "ttft:60000", "itl:60000"];
  const { code, stdout, stderr } = await bench(
    ...[...model, "--stages", "1", "--threads", "1", "--rounds", "1", "--trace", trace, "--json", ...limits],
  );
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    columns: [{ name: "stagecoach", rounds: [{ requests: 2 }] }],
    limits: { ttft: 60_000, itl: 60_000 },
    goodput: [{ name: "stagecoach", good: 2, requests: 2 }],
  });
});

test("a sweep is drawn", async () => {
  const plot = join(home.root, "sweep.svg");
  const sizes = ["--prompt-tokens", "8", "--output-tokens", "4", "--rounds", "1", "--sweep", "2,1"];
  const { code, stdout, stderr } = await bench(
    ...[...model, "--stages", "1", "--threads", "1", ...sizes, "--plot", plot],
  );
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/\| 1 +\| stagecoach \|[\s\S]*\| 2 +\| stagecoach \|/);
  expect(await readFile(plot, "utf8")).toMatch(/^<svg [\s\S]*requests at once[\s\S]*<\/svg>\n$/);
});

test(
  "the suite starts its own clusters and writes its figures",
  async () => {
    const output = join(home.root, "results");
    const { code, stdout, stderr } = await bench(
      ...["suite", ...model, "--only", "prefix-cache", "--rounds", "1", "--scale", "0.05"],
      ...["--output", output],
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/\| prefix cache, time to first token .*at least 5x/);
    expect(await readFile(join(output, "suite.md"), "utf8")).toContain("the verdicts mean nothing");
    expect(JSON.parse(await readFile(join(output, "suite.json"), "utf8"))).toMatchObject({
      rounds: 1,
      results: [{ name: "prefix-cache", figures: [{ unit: "x", bound: "at least", target: 5 }] }],
    });
  },
  patienceMs,
);

test.each(["grpc", "http"])("a coordinator is loaded over %s with simulated workers", async (front) => {
  const { code, stdout, stderr } = await bench(
    ...["coordinator", ...model, "--requests", "8", "--output-tokens", "16", "--json"],
    ...["--front", front, "--step-ms", "1"],
  );
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({
    summary: { requests: 8 },
    coordinatorCores: expect.any(Number),
    eventLoopUsPerToken: expect.any(Number),
    tokensPerCoreSecond: expect.any(Number),
  });
});

test(
  "a soak tells every process's memory and that nothing is left behind",
  async () => {
    const sizes = [
      "--prompt-tokens",
      "12",
      "--output-tokens",
      "8",
      "--max-tokens",
      "40",
      "--concurrency",
      "6",
    ];
    const { stdout } = await bench("soak", ...model, "--minutes", "0.1", ...sizes, "--json");
    const { counts, memory, leaks } = JSON.parse(stdout) as {
      counts: { finished: number; cancelled: number };
      memory: { process: string }[];
      leaks: string[];
    };
    expect(counts.finished).toBeGreaterThan(0);
    expect(counts.cancelled).toBeGreaterThan(0);
    expect(memory.map(({ process }) => process).sort()).toEqual(["coordinator", "w0", "w1"]);
    expect(leaks).toEqual([]);
  },
  patienceMs,
);

test("wrong options are refused with the way out", async () => {
  expect(await bench("--plot", "x.svg")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--sweep 1,2,4"),
  });
  expect(await bench("--goodput", "fast")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("ttft:500"),
  });
  expect(await bench("suite", "--only", "nothing")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("at-once-16"),
  });
});
