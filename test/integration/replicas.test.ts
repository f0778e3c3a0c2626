import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readClusterFile } from "../../cli/state/cluster-file.js";
import type { ClusterStatus__Output } from "../../proto/gen/stagecoach/v1/ClusterStatus.js";
import {
  generate,
  type OpenRequest,
  openRequest,
  startCoordinator,
  startUp,
  startWorker,
  statusWhere,
  type TestCoordinator,
} from "../fixtures/local-cluster.js";
import { Scope, testScope } from "../fixtures/scope.js";
import { simulatedDevice } from "../fixtures/simulation.js";
import { type CliProcess, newHome, runCli } from "../fixtures/spawn-cli.js";

const story = "Once upon a time there was a little girl who lived with her mother near the old wood";
const other = "The big red dog and the small grey cat went to the sea to look for a very round stone";
const endless = { options: { temperature: 0, ignoreEos: true, maxTokens: 90 } };
const short = { prompt: "Once", options: { ignoreEos: true, maxTokens: 3 } };

function running({ replicas }: ClusterStatus__Output): number[] {
  return replicas.map(({ requestsRunning }) => requestsRunning);
}

function serving({ replicas }: ClusterStatus__Output): boolean {
  return replicas.length === 2 && replicas.every(({ state }) => state === "SERVING");
}

/** Starts one more endless request; how many each replica runs then. */
async function oneMore({ client }: TestCoordinator, open: OpenRequest[], prompt = story): Promise<number[]> {
  open.push(await openRequest(client, { ...endless, prompt }));
  const status = await statusWhere({ client }, ({ requestsRunning }) => requestsRunning === open.length);
  return running(status);
}

async function cancelAll({ client }: TestCoordinator, open: OpenRequest[]): Promise<void> {
  for (const { cancel } of open) cancel();
  await statusWhere({ client }, ({ requestsRunning }) => requestsRunning === 0);
}

describe("up with two replicas of one stage", () => {
  const scope = new Scope();
  let cluster: TestCoordinator;

  beforeAll(async () => {
    const device = await simulatedDevice(await newHome(scope), 20);
    cluster = await startUp(scope, [
      ...device,
      "--replicas",
      "2",
      "--stages",
      "1",
      "--routing",
      "round-robin",
    ]);
  });
  afterAll(() => scope.end());

  test("starts a worker for each, says so, and serves on both", async () => {
    expect(cluster.process.stdout).toContain("is served by 2 replicas of 1 stage\n");
    const { workers, state, stateDetail, replicas } = await statusWhere(cluster, serving);
    expect({ state, stateDetail }).toEqual({ state: "SERVING", stateDetail: "serving with 2 replicas" });
    expect(workers.map(({ replica, stageIndex }) => [replica, stageIndex])).toEqual([
      [0, 0],
      [1, 0],
    ]);
    expect(new Set(replicas.map(({ epoch }) => epoch)).size).toBe(2);
  });

  test("takes them in turn", async () => {
    const open: OpenRequest[] = [];
    const first = await oneMore(cluster, open);
    expect(first.toSorted()).toEqual([0, 1]);
    expect(await oneMore(cluster, open)).toEqual([1, 1]);
    expect(await oneMore(cluster, open)).toEqual(first.map((count) => count + 1));
    expect(await oneMore(cluster, open)).toEqual([2, 2]);
    await cancelAll(cluster, open);
  });

  test("shows the replica of every stage in status, plan and metrics", async () => {
    const options = { scope, home: cluster.home };
    const status = (await runCli(["status"], options)).stdout;
    expect(status).toMatch(/^REPLICA +STAGE +WORKER/m);
    expect(status).toMatch(/^replica 1 serving with 1 stages; 0 running, 0 waiting, \d+ of \d+ blocks$/m);
    const plan = (await runCli(["plan"], options)).stdout;
    expect(plan).toMatch(/^Replica 0$[\s\S]*^Replica 1$[\s\S]*^Together$/m);
    const json = JSON.parse((await runCli(["plan", "--json"], options)).stdout) as { replicas: unknown[] };
    expect(json.replicas).toHaveLength(2);
    const metrics = await (await fetch(`${cluster.http}/metrics`)).text();
    expect(metrics).toMatch(/^stagecoach_stage_busy_seconds_total{[^}]*replica="1"/m);
  });

  test("adds up what they hold", async () => {
    const open: OpenRequest[] = [];
    await oneMore(cluster, open);
    await oneMore(cluster, open);
    const status = await statusWhere(cluster, ({ blocksUsed }) => blocksUsed > 0);
    const sum = (of: (each: ClusterStatus__Output["replicas"][number]) => number) =>
      status.replicas.reduce((total, each) => total + of(each), 0);
    expect(status.blocksTotal).toBe(sum(({ blocksTotal }) => blocksTotal));
    expect(status.blocksUsed).toBe(sum(({ blocksUsed }) => blocksUsed));
    await cancelAll(cluster, open);
  });
});

test("up goes on without a replica, says what it lost, and ends when none is left", async () => {
  const scope = testScope();
  const device = await simulatedDevice(await newHome(scope), 20);
  const cluster = await startUp(scope, [...device, "--replicas", "2", "--stages", "1"]);
  const processes = (await readClusterFile(cluster.home))?.processes ?? [];
  const killWorker = (id: string): void => {
    const { pid } = processes.find(({ name }) => name === `worker ${id}`) ?? {};
    if (pid === undefined) throw new Error(`worker ${id} is not among ${JSON.stringify(processes)}`);
    process.kill(pid, "SIGKILL");
  };
  killWorker("w1");
  await cluster.process.says(/worker w1 .*ended by SIGKILL[\s\S]*The other replicas go on serving\.\n/);
  expect((await generate(cluster.client, short)).ids).toHaveLength(3);
  killWorker("w0");
  expect(await cluster.process.ended).toMatchObject({
    code: 1,
    stderr: expect.stringMatching(/a process ended unexpectedly; ending the others[\s\S]*worker w0/),
  });
});

/** A coordinator and workers of its own, so that workers may die. */
async function separate(scope: Scope, routing: string) {
  const device = await simulatedDevice(await newHome(scope), 20);
  const flags = ["--replicas", "2", "--stages", "1", "--routing", routing];
  const coordinator = await startCoordinator(scope, flags);
  const workers = new Map<string, CliProcess>();
  const start = async (workerId: string): Promise<void> => {
    workers.set(workerId, await startWorker(scope, coordinator, workerId, { flags: device }));
  };
  await Promise.all([start("w0"), start("w1")]);
  const { workers: placed } = await statusWhere(coordinator, serving);
  const replicaOf = new Map(placed.map(({ workerId, replica }) => [workerId, replica]));
  return { coordinator, workers, start, replicaOf };
}

test("the fewest connections: a request goes where one ended", async () => {
  const { coordinator } = await separate(testScope(), "least-connections");
  const open: OpenRequest[] = [];
  const first = (await oneMore(coordinator, open)).indexOf(1);
  await oneMore(coordinator, open);
  expect(await oneMore(coordinator, open)).toEqual(first === 0 ? [2, 1] : [1, 2]);
  open[1]?.cancel();
  await statusWhere(coordinator, ({ requestsRunning }) => requestsRunning === 2);
  open.splice(1, 1);
  expect(await oneMore(coordinator, open)).toEqual(first === 0 ? [2, 1] : [1, 2]);
});

test("a known beginning goes where it was read, unless much more waits there; others to the idle one", async () => {
  const { coordinator } = await separate(testScope(), "prefix");
  const open: OpenRequest[] = [];
  const home = (await oneMore(coordinator, open)).indexOf(1);
  const counts = (here: number, there: number) => (home === 0 ? [here, there] : [there, here]);
  expect(await oneMore(coordinator, open, `${story}, and then`)).toEqual(counts(2, 0));
  expect(await oneMore(coordinator, open, other)).toEqual(counts(2, 1));
  expect(await oneMore(coordinator, open, `${story}, and so`)).toEqual(counts(3, 1));
  for (const here of [4, 5, 6]) expect(await oneMore(coordinator, open)).toEqual(counts(here, 1));
  expect(await oneMore(coordinator, open)).toEqual(counts(6, 2));
});

test("kill -9 of one replica's worker leaves the other unhurt; a worker that joins brings it back", async () => {
  const scope = testScope();
  const { coordinator, workers, start, replicaOf } = await separate(scope, "round-robin");
  const { client, http } = coordinator;
  const open: OpenRequest[] = [];
  const onFirst = (await oneMore(coordinator, open)).indexOf(1);
  await oneMore(coordinator, open);
  const [survivor, victim] = onFirst === 0 ? open : open.toReversed();
  const { epoch } = await statusWhere(coordinator, serving);
  const victimId = [...replicaOf].find(([, replica]) => replica === 1)?.[0] ?? "";
  await workers.get(victimId)?.kill();
  expect(await victim?.ended).toMatchObject({ code: 14 });
  const status = await statusWhere(
    coordinator,
    ({ replicas }) => replicas[1]?.state === "WAITING_FOR_WORKERS",
  );
  expect(status).toMatchObject({
    state: "SERVING",
    stateDetail: "serving with 1 of 2 replicas; replica 1: waiting for workers: 0 of 1 joined",
    replicas: [{ state: "SERVING", requestsRunning: 1 }, { requestsRunning: 0 }],
  });
  expect((await fetch(`${http}/readyz`)).status).toBe(200);
  for (let request = 0; request < 3; request++)
    expect((await generate(client, short)).finishReason).toMatch(/length/i);
  await start("another");
  const back = await statusWhere(coordinator, serving);
  expect(back.replicas[1]?.epoch).toBeGreaterThan(epoch);
  expect(back.workers.find(({ workerId }) => workerId === "another")).toMatchObject({ replica: 1 });
  expect(await survivor?.ended).toBeUndefined();
});
