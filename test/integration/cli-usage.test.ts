import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createProgram } from "../../cli/program.js";
import { version } from "../../common/package-root.js";
import { goldenPath } from "../fixtures/golden-runs.js";
import { tinyModel } from "../fixtures/local-cluster.js";
import { Scope, testScope } from "../fixtures/scope.js";
import { type CliEnd, newHome, runCli } from "../fixtures/spawn-cli.js";

const nobody = "127.0.0.1:9";

async function run(args: readonly string[], env: Record<string, string> = {}): Promise<CliEnd> {
  const scope = testScope();
  return await runCli(args, { scope, home: await newHome(scope), env });
}

describe("wrong use ends with 2 and names what is wrong", () => {
  test.each([
    [["no-such-command"], {}, "unknown command 'no-such-command'"],
    [["up", "--no-such-option"], {}, "unknown option '--no-such-option'"],
    [["up", "--stages", "0"], {}, '--stages is "0": give a whole number from 1 to 256'],
    [["up", "--http", "127.0.0.1:99999"], {}, '--http is "127.0.0.1:99999": give HOST:PORT'],
    [["up", "--device", "toaster"], {}, '--device is "toaster": give auto alone, or cpu, cuda, cuda:N'],
    [["worker", "--device", "cpu,auto"], {}, '--device is "cpu,auto": give auto alone, or cpu, cuda'],
    [["worker", "--device", "cpu,"], {}, "several with commas between them"],
    [["up"], { STAGECOACH_VARIANT: "int3" }, 'STAGECOACH_VARIANT is "int3": give one of auto, as-is'],
    [["up", "--replicas", "0"], {}, '--replicas is "0": give a whole number from 1 to 64'],
    [["up", "--routing", "random"], {}, '--routing is "random": give one of round-robin'],
    [["worker", "--throttle", "NaN"], {}, '--throttle is "NaN"'],
    [["worker", "--simulation", "/no/such/file"], {}, "--simulation /no/such/file cannot be used"],
    [
      ["generate", "x", "--temperature", "Infinity"],
      {},
      "'Infinity' is invalid. Give a number from 0 to 100",
    ],
    [["generate", "x", "--max-tokens", "-1"], {}, "'-1' is invalid. Give a whole number from 1"],
    [["plan", "--workers", goldenPath("stories260k.json")], {}, "stories260k.json does not describe workers"],
    [["events", "--kind", "gossip"], {}, "'gossip' is invalid"],
    [["rm"], {}, "nothing to remove: give models that `stagecoach list` shows, or --unused"],
  ] as const)("%j %j", async (args, env, message) => {
    const { code, stdout, stderr } = await run(args, env);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

describe("what fails ends with 1 and says what to do", () => {
  test.each([
    [["status", "--grpc", nobody], `no coordinator answers at ${nobody}: start one with \`stagecoach up\``],
    [["generate", "x", "--grpc", nobody], `no coordinator answers at ${nobody}`],
    [["events"], "start one with `stagecoach up`, or name a server with --nats URL"],
    [["rm", "no-such-model"], "no-such-model: `stagecoach list` shows what it has"],
    [["pull", "./no-such-file.gguf"], "there is no "],
    [["up", "no-such-model", "--nats", "off"], "no model is called no-such-model"],
  ] as const)("%j", async (args, message) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).not.toMatch(/^\s+at /m);
  });
});

test("every command's help shows an example", async () => {
  const scope = testScope();
  const home = await newHome(scope);
  const { commands } = await createProgram([]);
  const names = commands.map((command) => command.name()).filter((name) => name !== "supervise");
  expect(names.length).toBeGreaterThan(10);
  for (const name of ["", ...names]) {
    const { code, stdout } = await runCli([...(name === "" ? [] : [name]), "--help"], { scope, home });
    expect({ name, code }).toEqual({ name, code: 0 });
    expect(stdout).toMatch(new RegExp(`Examples:\n(.*\n)*.*\\$ .*stagecoach ${name}`));
  }
});

test("--version prints the version of the package", async () => {
  expect(await run(["--version"])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
});

test("doctor judges the machine, as a table and as JSON", async () => {
  const ports = ["--http", "0", "--grpc", "0"];
  const { code, stdout } = await run(["doctor", "--json", ...ports]);
  const findings = JSON.parse(stdout) as { name: string; grade: string; fact: string }[];
  expect(findings.map(({ name }) => name)).toEqual(
    expect.arrayContaining(["Node", "ONNX Runtime", "Memory", "HTTP port", "nats-server"]),
  );
  expect(findings.find(({ name }) => name === "ONNX Runtime")).toMatchObject({ grade: "good" });
  expect(code).toBe(findings.some(({ grade }) => grade === "bad") ? 1 : 0);
  expect((await run(["doctor", ...ports])).stdout).toMatch(/^ok {4}Node +\d+\./m);
});

describe("a store with the tiny model", () => {
  const scope = new Scope();
  const name = "stories260k-f32";
  let where: Parameters<typeof runCli>[1];

  beforeAll(async () => {
    where = { scope, home: await newHome(scope) };
    expect(await runCli(["list"], where)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("no models"),
    });
    const pulled = await runCli(["pull", ...tinyModel], where);
    expect(pulled).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/stories260k-f32:f32 is ready: 5 layers/),
    });
  });
  afterAll(() => scope.end());

  test("lists it", async () => {
    const { stdout } = await runCli(["list", "--json"], where);
    expect(JSON.parse(stdout)).toMatchObject({
      models: [{ name, variant: "f32", architecture: "llama", layerCount: 5, vocabularySize: 512 }],
      damaged: [],
    });
    expect((await runCli(["list"], where)).stdout).toMatch(/^stories260k-f32 +f32 +1\.2 MiB +5 +128 /m);
  });

  test("plans for described workers without any cluster", async () => {
    const file = join(where.home.root, "workers.json");
    const times = (alphaMs: number) => {
      const time = { alphaMs, betaMs: alphaMs / 10 };
      return { layerDecode: time, layerPrefill: time, embedding: time, head: time, freeMemoryBytes: 1e9 };
    };
    const workers = [
      { workerId: "slow", ...times(3) },
      { workerId: "fast", ...times(1) },
    ];
    await writeFile(file, JSON.stringify({ workers, concurrency: 4, kvTokens: 256 }));
    const args = ["plan", "--workers", file, "--model", name, "--variant", "f32", "--stages", "2"];
    const { code, stdout } = await runCli([...args, "--json"], where);
    expect(code).toBe(0);
    const { stages } = JSON.parse(stdout) as {
      stages: { workerId: string; firstLayer: number; endLayer: number }[];
    };
    const layers = new Map(
      stages.map(({ workerId, firstLayer, endLayer }) => [workerId, endLayer - firstLayer]),
    );
    expect((layers.get("slow") ?? 0) + (layers.get("fast") ?? 0)).toBe(5);
    expect(layers.get("fast")).toBeGreaterThan(layers.get("slow") ?? 5);
    expect((await runCli(args, where)).stdout).toMatch(
      /fast[\s\S]*Bottleneck: stage \d on worker (slow|fast)/,
    );
  });

  test("takes no broken file in, and leaves nothing of it behind", async () => {
    const before = await readdir(where.home.blobs);
    const bytes = await readFile(tinyModel[0] ?? "");
    const folder = join(where.home.root, "broken");
    await mkdir(folder);
    const short = join(folder, "short.gguf");
    await writeFile(short, bytes.subarray(0, bytes.length - 1_000));
    const { code, stderr } = await runCli(["pull", short], where);
    expect(code).toBe(1);
    expect(stderr).toMatch(/short\.gguf/);
    expect(await readdir(where.home.blobs)).toEqual(before);
    const { models } = JSON.parse((await runCli(["list", "--json"], where)).stdout) as { models: unknown[] };
    expect(models).toHaveLength(1);
  });

  test("run says that it cannot chat, and leaves nothing running", async () => {
    const { code, stdout, stderr } = await runCli(["run", name, "Hello", "--device", "simulated"], where);
    expect({ code, stdout: stdout.trim() }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("this model has no chat template");
    expect(await runCli(["down"], where)).toMatchObject({ stderr: `nothing runs in ${where.home.root}\n` });
  });

  test("is emptied by rm", async () => {
    expect(await runCli(["rm", name], where)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining(`removed ${name}:f32`),
    });
    const { stdout } = await runCli(["list", "--json"], where);
    expect(JSON.parse(stdout)).toMatchObject({ models: [], totalBytes: 0 });
    expect((await readdir(where.home.blobs)).filter((each) => !each.endsWith(".onnx"))).toEqual([]);
  });
});
