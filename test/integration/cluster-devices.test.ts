import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Home } from "../../common/home.js";
import { goldenPrompts, goldenRun } from "../fixtures/golden-runs.js";
import {
  generate,
  openRequest,
  startCoordinator,
  startUp,
  startWorker,
  statusWhere,
  type TestCoordinator,
} from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";
import { simulatedDevice } from "../fixtures/simulation.js";
import { type CliProcess, newHome } from "../fixtures/spawn-cli.js";

const prompts = goldenPrompts("stories260k.json");
const maxTokens = 64;
/** Every layer of the tiny model is somewhere. */
const twoStages = ["--stages", "2", "--expected-workers", "2"];
const transferred = /"way":"transfer"/;

describe("one process with two CPU stages", () => {
  const scope = new Scope();
  let cluster: TestCoordinator;
  let worker: CliProcess;
  /** Of all workers one after another, so that what was measured is known to the next. */
  let home: Home;

  beforeAll(async () => {
    cluster = await startCoordinator(scope, twoStages);
    home = await newHome(scope);
    worker = await start();
  });
  afterAll(() => scope.end());

  beforeEach(async () => {
    await statusWhere(cluster, ({ state }) => state === "SERVING");
  });

  function start(): Promise<CliProcess> {
    const flags = ["--device", "cpu,cpu", "--log-level", "debug"];
    return startWorker(scope, cluster, "pair", { flags, home });
  }

  test("is two workers of one process to the coordinator", async () => {
    const { workers } = await statusWhere(cluster, () => true);
    expect(workers.map(({ workerId }) => workerId).toSorted()).toEqual(["pair-0", "pair-1"]);
    expect(workers.map(({ stage }) => stage?.state)).toEqual(["READY", "READY"]);
    expect(new Set(workers.map(({ processId }) => processId))).toEqual(new Set([worker.pid]));
    expect(new Set(workers.map(({ address }) => address)).size).toBe(2);
    expect(new Set(workers.map(({ incarnation }) => incarnation)).size).toBe(2);
  });

  test("continues as llama.cpp does, id for id, alone and together", async () => {
    const answers = await Promise.all(
      prompts.map(({ promptIds }) => generate(cluster.client, greedy(promptIds))),
    );
    expect(answers.map(({ ids }) => ids)).toEqual(prompts.map((golden) => goldenRun(golden, "f32").ids));
    await worker.says(transferred);
    const { workers } = await statusWhere(cluster, ({ workers }) =>
      workers.some(({ stage }) => stage !== null && stage.hopP50Us > 0),
    );
    expect(workers).toHaveLength(2);
  });

  test("comes back after kill -9, whose requests fail", async () => {
    const options = { temperature: 0, ignoreEos: true, maxTokens: 120 };
    const running = await openRequest(cluster.client, { prompt: "Once", options });
    await worker.kill();
    expect(await running.ended).toMatchObject({ code: 14 });
    await statusWhere(cluster, ({ workers }) => workers.length === 0);
    worker = await start();
    await statusWhere(cluster, ({ state }) => state === "SERVING");
    const [golden] = prompts as [(typeof prompts)[number]];
    const { ids } = await generate(cluster.client, greedy(golden.promptIds));
    expect(ids).toEqual(goldenRun(golden, "f32").ids);
  });

  test("leaves with both workers when it is asked to end", async () => {
    worker.signal("SIGTERM");
    expect(await worker.ended).toMatchObject({ code: 0 });
    await statusWhere(cluster, ({ workers }) => workers.length === 0);
    worker = await start();
  });

  test("ends when its names are taken, and says which", async () => {
    const second = await start();
    const { code, stderr } = await second.ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/the coordinator refused this worker: .*a worker named "pair-[01]" is already/);
    await statusWhere(cluster, ({ state, workers }) => state === "SERVING" && workers.length === 2);
  });
});

test("requests are cancelled and followed by others at two simulated devices of a process", async () => {
  const scope = new Scope();
  try {
    const home = await newHome(scope);
    const cluster = await startCoordinator(scope, twoStages, { home });
    const [, ...simulation] = await simulatedDevice(home, 5);
    const flags = ["--device", "simulated,simulated", ...simulation.slice(1)];
    await startWorker(scope, cluster, "pair", { flags });
    await statusWhere(cluster, ({ state }) => state === "SERVING");
    const { epoch } = await statusWhere(cluster, () => true);
    const options = { temperature: 0, ignoreEos: true, maxTokens: 120 };
    const running = await Promise.all(
      Array.from({ length: 8 }, () => openRequest(cluster.client, { prompt: "Once", options })),
    );
    for (const { cancel } of running) cancel();
    for (const { ended } of running) expect(await ended).toMatchObject({ code: 1 });
    const free = await statusWhere(
      cluster,
      ({ requestsRunning, blocksUsed }) => requestsRunning + blocksUsed === 0,
    );
    expect(free).toMatchObject({ state: "SERVING", epoch });
    const { ids } = await generate(cluster.client, { prompt: "Once", options: { ...options, maxTokens: 9 } });
    expect(ids).toHaveLength(9);
  } finally {
    await scope.end();
  }
});

test("where one of its workers is refused, a process goes on with the others", async () => {
  const scope = new Scope();
  try {
    const cluster = await startCoordinator(scope, twoStages);
    const taken = await startWorker(scope, cluster, "pair-1", { flags: ["--device", "simulated"] });
    await statusWhere(cluster, ({ workers }) => workers.length === 1);
    const flags = ["--device", "simulated,simulated"];
    const pair = await startWorker(scope, cluster, "pair", { flags });
    await pair.says(/"workerId":"pair-1".*a worker ended; the others go on/);
    const { workers } = await statusWhere(cluster, ({ state }) => state === "SERVING");
    expect(Object.fromEntries(workers.map(({ workerId, processId }) => [workerId, processId]))).toEqual({
      "pair-0": pair.pid,
      "pair-1": taken.pid,
    });
    pair.signal("SIGTERM");
    expect(await pair.ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/refused this worker/) });
  } finally {
    await scope.end();
  }
});

test("up runs the devices of a list, CPUs in a process each", async () => {
  const scope = new Scope();
  try {
    const cluster = await startUp(scope, ["--device", "cpu,cpu,cpu"]);
    const { workers } = await statusWhere(cluster, () => true);
    expect(workers.map(({ workerId }) => workerId).toSorted()).toEqual(["w0", "w1", "w2"]);
    expect(new Set(workers.map(({ processId }) => processId)).size).toBe(3);
  } finally {
    await scope.end();
  }
});

function greedy(promptIds: readonly number[]) {
  return { promptIds: { ids: [...promptIds] }, options: { temperature: 0, maxTokens, ignoreEos: true } };
}
