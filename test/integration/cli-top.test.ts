import { afterAll, beforeAll, expect, test } from "vitest";
import { openRequest, startUp, type TestCoordinator } from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";
import { simulatedDevice } from "../fixtures/simulation.js";
import { newHome, runCli, startCli } from "../fixtures/spawn-cli.js";

const scope = new Scope();
let cluster: TestCoordinator;

beforeAll(async () => {
  const home = await newHome(scope);
  cluster = await startUp(scope, ["--stages", "2", ...(await simulatedDevice(home, 1))], { home });
});
afterAll(() => scope.end());

/** Decodes, one request after another, for as long as `body` takes: nobody knows how long a process takes to start. */
async function busily<Result>(body: () => Promise<Result>): Promise<Result> {
  let done = false;
  const decoding = (async () => {
    while (!done) {
      const request = await openRequest(cluster.client, {
        promptIds: { ids: [300, 301, 302] },
        options: { maxTokens: 120, ignoreEos: true },
      });
      await request.ended;
    }
  })();
  try {
    return await body();
  } finally {
    done = true;
    await decoding;
  }
}

test("top --once prints one frame of plain text", async () => {
  const { code, stdout, stderr } = await runCli(["top", "--once"], { scope, home: cluster.home });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^stagecoach top +local +stories260k-f32 \(f32\)/);
  expect(stdout).toMatch(/^state +SERVING/m);
  expect(stdout).toMatch(/^KV cache .* 0 of \d+ blocks$/m);
  expect(stdout).toMatch(/^ +0 +w\d .*%.*\n +1 +w\d .*%/m);
  expect(stdout).not.toContain("\u001b");
});

test("top --json prints a sample a line until Ctrl-C", async () => {
  const top = startCli(["top", "--json"], { scope, home: cluster.home });
  await top.says(/(.*"stages":.*\n){2}/);
  top.signal("SIGINT");
  const { stdout, stderr } = await top.ended;
  expect(stderr).toBe("");
  const [sample] = stdout.split("\n");
  expect(JSON.parse(sample ?? "")).toMatchObject({
    state: "SERVING",
    blocksUsed: 0,
    lanes: expect.arrayContaining([{ decodeRows: 0, prefillTokens: 0, replica: 0 }]),
    stages: [{ stageIndex: 0 }, { stageIndex: 1 }],
  });
});

test("lanes show what is under way", async () => {
  await busily(async () => {
    const top = startCli(["top", "--json"], { scope, home: cluster.home });
    await top.says(/"lanes":\[[^\]]*"(decodeRows|prefillTokens)":[1-9]/);
    await top.kill();
  });
});

test("top without a terminal says what to do instead", async () => {
  expect(await runCli(["top"], { scope, home: cluster.home })).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringContaining("give --once for one frame, or --json for samples"),
  });
});
