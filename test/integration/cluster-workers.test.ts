import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { version } from "../../common/package-root.js";
import type { CoordinatorMessage__Output } from "../../proto/gen/stagecoach/v1/CoordinatorMessage.js";
import type { Hello } from "../../proto/gen/stagecoach/v1/Hello.js";
import {
  generate,
  openRequest,
  startCoordinator,
  startWorker,
  statusWhere,
  type TestCoordinator,
} from "../fixtures/local-cluster.js";
import { Scope } from "../fixtures/scope.js";
import { simulatedDevice } from "../fixtures/simulation.js";
import { type CliProcess, newHome, runCli } from "../fixtures/spawn-cli.js";

const scope = new Scope();
let coordinator: TestCoordinator;
let device: readonly string[];
const workers = new Map<string, CliProcess>();

const endless = { prompt: "Once", options: { temperature: 0, ignoreEos: true, maxTokens: 120 } };
const coordinatorFlags = ["--stages", "2", "--expected-workers", "2"];

beforeAll(async () => {
  const home = await newHome(scope);
  device = await simulatedDevice(home, 40);
  coordinator = await startCoordinator(scope, coordinatorFlags, { home });
  await Promise.all([start("w0"), start("w1")]);
});
afterAll(() => scope.end());

beforeEach(async () => {
  await statusWhere(coordinator, ({ state }) => state === "SERVING");
});

async function start(workerId: string): Promise<void> {
  workers.set(workerId, await startWorker(scope, coordinator, workerId, { flags: device }));
}

function worker(workerId: string): CliProcess {
  const found = workers.get(workerId);
  if (found === undefined) throw new Error(`no worker ${workerId}`);
  return found;
}

test("kill -9 of a worker fails what runs with UNAVAILABLE; another of its name brings the cluster back", async () => {
  const { client, http } = coordinator;
  const { epoch } = await statusWhere(coordinator, () => true);
  const running = await Promise.all([openRequest(client, endless), openRequest(client, endless)]);
  await worker("w1").kill();
  for (const { ended } of running) {
    expect(await ended).toMatchObject({ code: 14, details: expect.stringMatching(/worker "w[01]"|stage 0/) });
  }
  const waiting = await statusWhere(coordinator, ({ state }) => state === "WAITING_FOR_WORKERS");
  expect(waiting).toMatchObject({
    stateDetail: "waiting for workers: 1 of 2 joined",
    workers: [{ workerId: "w0" }],
    requestsRunning: 0,
    blocksUsed: 0,
  });
  await expect(generate(client, endless)).rejects.toThrow(
    "the cluster does not serve yet: waiting for workers: 1 of 2 joined; try again soon",
  );
  expect((await fetch(`${http}/healthz`)).status).toBe(200);
  expect((await fetch(`${http}/v1/models`)).status).toBe(200);
  const ready = await fetch(`${http}/readyz`);
  expect(ready.status).toBe(503);
  expect(await ready.json()).toMatchObject({ reason: "waiting for workers: 1 of 2 joined" });

  await start("w1");
  const serving = await statusWhere(coordinator, ({ state }) => state === "SERVING");
  expect(serving.epoch).toBeGreaterThan(epoch);
  const { ids } = await generate(client, { ...endless, options: { ...endless.options, maxTokens: 3 } });
  expect(ids).toHaveLength(3);
});

test("a worker that stands still is taken out, and taken in again when it goes on", async () => {
  const running = await openRequest(coordinator.client, endless);
  worker("w0").signal("SIGSTOP");
  expect(await running.ended).toMatchObject({
    code: 14,
    details: expect.stringMatching(/worker "w0" left: no heartbeat for \d+ ms/),
  });
  await statusWhere(coordinator, ({ workers }) => workers.every(({ workerId }) => workerId !== "w0"));
  worker("w0").signal("SIGCONT");
  await statusWhere(coordinator, ({ state }) => state === "SERVING");
});

test("a coordinator that stood still keeps its workers and its requests", async () => {
  const { epoch } = await statusWhere(coordinator, () => true);
  const options = { ...endless.options, maxTokens: 20 };
  const running = await openRequest(coordinator.client, { ...endless, options });
  coordinator.process.signal("SIGSTOP");
  // Longer than a worker may be silent.
  await sleep(3_000);
  coordinator.process.signal("SIGCONT");
  expect(await running.ended).toBeUndefined();
  expect(await statusWhere(coordinator, () => true)).toMatchObject({ state: "SERVING", epoch });
});

test("a worker of another version is refused and told both versions", async () => {
  expect(await join({ ...stranger, version: "0.0.1" })).toMatchObject({
    code: 9,
    details: `worker "stranger" runs stagecoach 0.0.1, this coordinator ${version}: install the same version on both`,
  });
});

test("a worker that does not say who it is is refused", async () => {
  expect(await join({ ...stranger, workerId: "" })).toMatchObject({
    code: 3,
    details: expect.stringContaining("workerId"),
  });
});

test("a second worker of a name is refused and ends with exit code 1; the first one stays", async () => {
  const before = await statusWhere(coordinator, () => true);
  const second = await startWorker(scope, coordinator, "w0", { flags: device });
  const { code, stderr } = await second.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /the coordinator refused this worker: .*a worker named "w0" is already in the cluster \(process \d+ at 127\.0\.0\.1:\d+\): start this one with another --worker-id/,
  );
  const after = await statusWhere(coordinator, () => true);
  expect(after.epoch).toBe(before.epoch);
  expect(after.workers.map(({ incarnation }) => incarnation)).toEqual(
    before.workers.map(({ incarnation }) => incarnation),
  );
});

test("a worker that is asked to end leaves with exit code 0", async () => {
  worker("w1").signal("SIGTERM");
  expect(await worker("w1").ended).toMatchObject({ code: 0 });
  await statusWhere(coordinator, ({ workers }) => workers.length === 1);
  await start("w1");
});

test("workers outlive their coordinator and serve the next one at its address", async () => {
  await coordinator.process.kill();
  const { home, grpc } = coordinator;
  coordinator = await startCoordinator(scope, [...coordinatorFlags, "--grpc", grpc], { home });
  await statusWhere(coordinator, ({ state }) => state === "SERVING");
  expect(await runCli(["down"], { scope, home })).toMatchObject({ code: 0, stderr: "ended\n" });
  expect(await coordinator.process.ended).toMatchObject({ code: 0 });
  for (const each of workers.values()) expect(() => globalThis.process.kill(each.pid, 0)).not.toThrow();
});

const stranger: Hello = {
  workerId: "stranger",
  incarnation: "1",
  version,
  address: "127.0.0.1:9",
  device: "cpu",
  threads: 1,
};

/** Says Hello and resolves with the error that it is answered with, or the first message. */
function join(hello: Hello): Promise<unknown> {
  const call = coordinator.client.cluster.join();
  return new Promise((resolve) => {
    call.on("error", resolve);
    call.on("data", (message: CoordinatorMessage__Output) => {
      call.cancel();
      resolve(message);
    });
    call.write({ hello });
  });
}
