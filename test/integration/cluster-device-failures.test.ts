import { expect, test } from "vitest";
import { postJson } from "../fixtures/http-client.js";
import {
  generate,
  openRequest,
  startCoordinator,
  startWorker,
  statusWhere,
  type TestCoordinator,
} from "../fixtures/local-cluster.js";
import { type Scope, testScope } from "../fixtures/scope.js";
import { simulatedDevice } from "../fixtures/simulation.js";
import { type CliProcess, newHome } from "../fixtures/spawn-cli.js";

type Failures = Parameters<typeof simulatedDevice>[2];

/** Ids of a prompt of so many tokens. */
const promptOf = (length: number) => ({ ids: Array.from({ length }, (_, index) => 10 + index) });
const greedy = { temperature: 0, ignoreEos: true };
const stages = [0, 1];

async function start(
  scope: Scope,
  cluster: TestCoordinator,
  workerId: string,
  failures: Failures = {},
): Promise<CliProcess> {
  const home = await newHome(scope);
  return await startWorker(scope, cluster, workerId, {
    home,
    flags: await simulatedDevice(home, 2, failures),
  });
}

test.each(stages)("what stage %i has no memory for fails alone, and says what to change", async (full) => {
  const scope = testScope();
  const cluster = await startCoordinator(scope, ["--stages", "2", "--expected-workers", "2"]);
  const workers = await Promise.all(
    ["w0", "w1"].map((id) => start(scope, cluster, id, id === `w${full}` ? { mostScores: 60 } : {})),
  );
  const { epoch } = await statusWhere(cluster, ({ state }) => state === "SERVING");
  const { client } = cluster;
  // Both are computed token by token where there is no room for more, and never reach 60.
  const others = [promptOf(5), promptOf(30)].map((promptIds) =>
    generate(client, { promptIds, options: { ...greedy, maxTokens: 20 } }),
  );
  const long = { promptIds: promptOf(100), options: { ...greedy, maxTokens: 5 } };
  const refused =
    /stage \d: no memory is left to compute a token of sequences \d+, up to 61 tokens long, on the simulated device: .*--kv-cache-memory.*--max-batch-tokens/;
  await expect(generate(client, long)).rejects.toMatchObject({
    code: "RESOURCE_EXHAUSTED",
    message: expect.stringMatching(refused),
  });
  const reply = await postJson(`${cluster.http}/v1/completions`, { prompt: promptOf(90).ids, max_tokens: 5 });
  expect(reply.status).toBe(429);
  expect(JSON.stringify(await reply.json())).toMatch(/no memory is left/);
  // One that outgrows memory while it decodes.
  const growing = openRequest(client, { promptIds: promptOf(40), options: { ...greedy, maxTokens: 60 } });
  expect(await (await growing).ended).toMatchObject({ code: 8, details: expect.stringMatching(refused) });
  for (const { ids } of await Promise.all(others)) expect(ids).toHaveLength(20);
  const after = await statusWhere(
    cluster,
    ({ requestsRunning, blocksUsed }) => requestsRunning + blocksUsed === 0,
  );
  expect(after).toMatchObject({ state: "SERVING", epoch });
  expect(workers.map(({ pid }) => process.kill(pid, 0))).toEqual([true, true]);
});

test("a worker whose device is lost ends with exit code 1; another of its name brings the cluster back", async () => {
  const scope = testScope();
  const cluster = await startCoordinator(scope, ["--stages", "2", "--expected-workers", "2"]);
  const [worker] = await Promise.all([
    start(scope, cluster, "w0", { lostAtRun: 5 }),
    start(scope, cluster, "w1"),
  ]);
  const { epoch } = await statusWhere(cluster, ({ state }) => state === "SERVING");
  const endless = { promptIds: promptOf(5), options: { ...greedy, maxTokens: 100 } };
  const running = await openRequest(cluster.client, endless);
  expect(await running.ended).toMatchObject({
    code: 14,
    // Where links are cut before the news is through, the stage before it tells.
    details: expect.stringMatching(/stage \d: (the simulated device is lost at run 5|lost the next stage)/),
  });
  const { code, stderr } = await worker.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/the simulated device is lost at run 5: this worker ends; start it again/);
  await statusWhere(cluster, ({ workers }) => workers.length === 1);
  await start(scope, cluster, "w0");
  const again = await statusWhere(cluster, ({ state }) => state === "SERVING");
  expect(again.epoch).toBeGreaterThan(epoch);
  expect(
    (await generate(cluster.client, { ...endless, options: { ...greedy, maxTokens: 3 } })).ids,
  ).toHaveLength(3);
});
