import { afterAll, beforeAll, expect, test } from "vitest";
import { goldenPrompts, goldenRun } from "../fixtures/golden-runs.js";
import { startUp, statusWhere, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";
import { type CliEnd, runCli, startCli } from "../fixtures/spawn-cli.js";

const scope = new Scope();
let cluster: TestCoordinator;

beforeAll(async () => {
  cluster = await startUp(scope, ["--stages", "2", "--cluster", "cli-test"]);
});
afterAll(() => scope.end());

const prompts = goldenPrompts("stories260k.json");
const [golden = never()] = prompts.filter(({ id }) => id === "two-names");
const { ids, text } = goldenRun(golden, "f32");
const greedy = ["--temperature", "0", "--max-tokens", "64", "--ignore-eos"];

/** In the cluster's home, which is how commands find it. */
function run(args: readonly string[], stdin = ""): Promise<CliEnd> {
  return runCli(args, { scope, home: cluster.home, stdin });
}

test("generate streams the text that llama.cpp generates", async () => {
  expect(await run(["generate", golden.prompt ?? "", ...greedy])).toEqual({
    code: 0,
    signal: null,
    stdout: `${text}\n`,
    stderr: "",
  });
});

test("generate takes the prompt from stdin as it is", async () => {
  for (const args of [["generate"], ["generate", "-"]]) {
    expect(await run([...args, ...greedy], golden.prompt)).toMatchObject({ code: 0, stdout: `${text}\n` });
  }
});

test("generate --json tells tokens, usage and log-probabilities", async () => {
  const { stdout } = await run(["generate", golden.prompt ?? "", ...greedy, "--json", "--logprobs", "2"]);
  const result = JSON.parse(stdout) as { tokenIds: number[]; logprobs: unknown[] };
  expect(result).toMatchObject({
    text,
    finishReason: "length",
    usage: { promptTokens: golden.promptIds.length, completionTokens: 64 },
  });
  expect(result.tokenIds).toEqual(ids);
  expect(result.logprobs).toHaveLength(64);
  expect(result.logprobs[0]).toMatchObject({
    chosen: { tokenId: ids[0] },
    top: [{ tokenId: ids[0] }, { tokenId: expect.any(Number) }],
  });
});

test("generate ends before a stop text", async () => {
  const stop = text.slice(20, 30);
  const { stdout } = await run(["generate", golden.prompt ?? "", ...greedy, "--stop", stop]);
  expect(stdout).toBe(`${text.slice(0, text.indexOf(stop))}\n`);
});

test("generate refuses what the server refuses, in the server's words", async () => {
  expect(await run(["generate", ""])).toMatchObject({
    code: 2,
    stdout: "",
    stderr: expect.stringContaining('prompt is "": give a text of at least one character'),
  });
  expect(await run(["generate", "x", "--model", "gpt-99"])).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/^\n?$/),
    stderr: expect.stringContaining("gpt-99"),
  });
});

test("status shows the cluster and its stages, for people and as JSON", async () => {
  const { stdout } = await run(["status"]);
  expect(stdout).toMatch(/^cluster +cli-test, stagecoach \d/m);
  expect(stdout).toMatch(/^state +SERVING: serving with 2 stages$/m);
  expect(stdout).toMatch(/^events +off: /m);
  for (const stage of [0, 1])
    expect(stdout).toMatch(new RegExp(`^ +${stage} +w[01] .* READY .* cpu x1 `, "m"));
  const { workers } = await statusWhere(cluster, () => true);
  const told = JSON.parse((await run(["status", "--json"])).stdout) as { workers: { workerId: string }[] };
  expect(told).toMatchObject({ state: "SERVING", model: "stories260k-f32", variant: "f32", epoch: 1 });
  expect(told.workers.map(({ workerId }) => workerId)).toEqual(workers.map(({ workerId }) => workerId));
});

test("status --watch goes on until Ctrl-C", async () => {
  const watching = startCli(["status", "--watch", "--json"], { scope, home: cluster.home });
  await watching.says(/(.*"state":"SERVING".*\n){2}/);
  watching.signal("SIGINT");
  expect(await watching.ended).toMatchObject({ stderr: "" });
});

test("plan shows the running plan, or one with other stages", async () => {
  const layersOf = (stdout: string) =>
    (JSON.parse(stdout) as { stages: { firstLayer: number; endLayer: number }[] }).stages.map(
      ({ firstLayer, endLayer }) => [firstLayer, endLayer],
    );
  const running = layersOf((await run(["plan", "--json"])).stdout);
  expect(running).toHaveLength(2);
  expect(running.at(-1)?.[1]).toBe(5);
  const { workers } = await statusWhere(cluster, ({ workers }) =>
    workers.every(({ stage }) => stage !== null),
  );
  const held = workers.map(({ stageIndex, stage }) => [stageIndex, stage?.firstLayer, stage?.endLayer]);
  expect(held.sort()).toEqual(running.map(([first, end], index) => [index, first, end]));
  expect(layersOf((await run(["plan", "--stages", "1", "--json"])).stdout)).toEqual([[0, 5]]);
  expect((await run(["plan"])).stdout).toMatch(/stories260k-f32[\s\S]*Bottleneck: [\s\S]*tok\/s/);
  expect(await run(["plan", "--stages", "9"])).toMatchObject({
    code: 2,
    stderr: "stagecoach: 9 stages were asked for, a model of 5 layers has 6 at most\n",
  });
});

test("run asks the running cluster, which cannot chat without a template", async () => {
  expect(await run(["run", "stories260k-f32", "Hello"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("this model has no chat template"),
  });
  expect(await run(["run", "gpt-99", "Hello"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("gpt-99"),
  });
});

test("rm does not remove the model that is served", async () => {
  const { code, stderr } = await run(["rm", "stories260k-f32"]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/stories260k-f32.*stagecoach down/);
});

test("events says that the cluster has none", async () => {
  expect(await run(["events"])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("the running cluster has no events: install nats-server"),
  });
});

test("doctor says that the cluster's port is taken", async () => {
  const { stdout } = await run(["doctor", "--http", cluster.http.replace("http://", ""), "--grpc", "0"]);
  expect(stdout).toMatch(/^poor +HTTP port +127\.0\.0\.1:\d+ cannot be used: .*EADDRINUSE/m);
});

function never(): never {
  throw new Error("no such golden prompt");
}
